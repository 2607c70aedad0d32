"""Reports of data in other forms, of other trainers, and without matplotlib."""

import sys

import jax
import numpy as np
import pytest
from planted_trainer import Planted, X
from read_pages import written

import dynplug as dp
from dynplug.recipe.report import Reported
from dynplug.recipe.report.answering import answers_of
from dynplug.recipe.report.layer_activity import layer_activity
from dynplug.train import History, Reportable
from dynplug.train.toolkit import layout_of


@pytest.mark.parametrize("axis", ["B", "T"])
def test_samples_and_time_are_where_the_trainer_has_them(axis):
    x = X if axis == "B" else X.swapaxes(0, 1)
    reported = Reported("t", Planted(layout=layout_of(axis)), (x, x))
    assert reported.samples("fit") == 8
    np.testing.assert_array_equal(layer_activity(reported)[0][0].spikes, X[0] > 0.5)
    np.testing.assert_array_equal(answers_of(reported).outputs, X)


def test_lists_of_sequences_are_read_too(tmp_path):
    x = [X[0], X[1, :3], X[2, :5]]
    found, _, _ = written(tmp_path, Reported("t", Planted(), (x, x)))
    assert found.row("samples")[1] == "3 training"
    assert any("3 inputs over 6 steps" in label for label in found.figures)
    assert any("3 units over 6 steps, with their targets" in label for label in found.figures)


def test_a_trainer_without_time_has_a_page(tmp_path):
    x, y = X[:, 0], X[:, 0, :1]
    t = dp.BPFF(dp.layers.Dense(3, 1, key=jax.random.key(0)), "mse", logger=None, progress_bar=False)
    t.fit((x, y), num_epoch=1)
    found, _, _ = written(tmp_path, Reported("t", t, (x, y)))
    assert found.row("samples")[1] == "8 training"
    assert found.headings == ["t", "Results", "Learning", "Parameters", "How it was made", "Versions"]


@pytest.mark.parametrize("data", [None, [(X, X)], {"x": X}])
def test_data_in_a_form_of_their_own_leave_out_what_needs_them(data, tmp_path):
    found, _, _ = written(tmp_path, Reported("t", Planted().measured(fit={"loss": [1.0]}), data))
    assert not any(row[0] == "samples" for row in found.rows)
    assert found.row("training loss") == ["training loss", "1"]


class Foreign:
    """A trainer with no more than every trainer has."""

    dt, epoch, writes, target = 0.5, 1, True, dp.layers.Dense(3, 1, W_initializer=0.0)

    def __init__(self):
        self.history = History()
        self.history.record("fit", [1], {"loss": [2.0]})

    def predict(self, inputs):
        return inputs


def test_a_foreign_trainer_has_a_page_of_what_any_trainer_tells(tmp_path):
    assert isinstance(Planted(), Reportable)
    assert not isinstance(Foreign(), Reportable)
    reported = Reported("t", Foreign(), (X, X[..., :1]))
    found, _, _ = written(tmp_path, reported)
    assert reported.layout == layout_of("B")
    assert reported.model is Foreign.target
    assert reported.epoch_of_model == 1
    assert found.row("trained by")[1] == "Foreign, its loss, steps of 0.5 ms"
    assert found.row("samples")[1] == "8 training"
    assert not {"seed", "steps"} & {row[0] for row in found.rows}


def test_without_matplotlib_one_line_says_what_to_install_and_the_page_is_there(tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("dynplug.plot")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr(dp, "plot", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    t = Planted(loss_fun="cross_entropy").measured(fit={"loss": [1.0]})
    found, _, said = written(tmp_path, Reported("t", t, (X, np.arange(8) % 2)))
    assert said == ["No picture was made: Plots need matplotlib: pip install 'dynplug[plot]'"]
    assert found.figures == []
    assert "Learning" not in found.headings
    assert found.row("training loss") == ["training loss", "1"]
    assert "Classification of the training data" in found.headings
