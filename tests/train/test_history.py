"""Curves after an interruption: training and test metrics of the same epochs stand side by side."""

from types import SimpleNamespace

import numpy as np
import pytest

import dynplug as dp
from dynplug.recipe.report import curve
from dynplug.train import EarlyStopping, History
from dynplug.train.step.compiled_step import CompiledStep

pytestmark = pytest.mark.quick


class Stop(Exception):
    pass


class StopAt:
    """Ends a run once after a step of an epoch."""

    def __init__(self, epoch, step, error):
        self.at, self.error = (epoch, step), error

    @dp.api.hookimpl
    def dynplug_after_step(self, epoch, step):
        if (epoch, step) == self.at:
            self.at = None
            raise self.error


@pytest.fixture
def whole(trainer, data):
    t = trainer(shuffle_data=False)
    t.fit(data, data, num_epoch=4, batch_size=8)
    return t


@pytest.mark.parametrize("error", [KeyboardInterrupt, Stop])
@pytest.mark.parametrize("num_report", [None, 2])
def test_an_epoch_that_was_interrupted_does_not_shift_the_curves(trainer, data, error, num_report):
    t = trainer(observers=[StopAt(2, 2, error)], shuffle_data=False)
    options = {"batch_size": 8, "num_report": num_report}
    with pytest.raises(error):
        t.fit(data, data, num_epoch=4, **options)
    done = t.steps - 3  # a step more may have been on its way
    assert (t.epoch, done) in ((1, 2), (1, 3))
    t.fit(data, data, num_epoch=2, **options)
    assert len(t.history.epochs("fit")) == len(t.history.epochs("test")) == t.epoch == 3
    assert len(t.get_hist_metric(which="detailed")) == t.steps == 3 + done + 2 * 3
    of_test = t.get_hist_metric("test")
    assert len(of_test) == 3
    assert len(t.get_hist_metric("fit")) == (3 if num_report is None else 3 * 2 + done // 2)
    assert [len(curve(t.history, phase, "loss")) for phase in ("fit", "test")] == [3, 3]
    again = trainer(shuffle_data=False)  # the same numbers, were it not for the two steps
    again.target = t.target
    again.fit(data, data, num_epoch=1, **options)
    t.fit(data, data, num_epoch=1, **options)
    np.testing.assert_array_equal(t.get_hist_metric("test")[3], again.get_hist_metric("test")[0])


def test_an_interrupt_keeps_the_history(trainer, data, monkeypatch):
    t = trainer()
    t.fit(data, num_epoch=1, batch_size=5)
    real, calls = CompiledStep.train, []

    def interrupted(*args, **options):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*args, **options)

    monkeypatch.setattr(CompiledStep, "train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        t.fit(data, num_epoch=2, batch_size=5)
    assert len(t.get_hist_metric(which="detailed")) == 4 + 2


def test_a_step_that_is_not_finite_is_no_epoch(trainer, data):
    t = trainer(shuffle_data=False)
    t.fit(data, data, num_epoch=1, batch_size=8)
    x = data[0].copy()
    x[-1] = np.nan
    with pytest.raises(FloatingPointError):
        t.fit((x, data[1]), data, num_epoch=1, batch_size=8)
    t.fit(data, data, num_epoch=1, batch_size=8)
    assert len(t.get_hist_metric("fit")) == len(t.get_hist_metric("test")) == t.epoch == 2


def test_a_test_that_fails_or_is_left_out_leaves_a_gap(trainer, data, whole):
    def faulty():
        yield data
        raise Stop

    batches = [(data[0][n : n + 8], data[1][n : n + 8]) for n in (0, 8, 16)]
    t = trainer()
    t.fit(batches, num_epoch=1)
    with pytest.raises(Stop):
        t.fit(batches, faulty(), num_epoch=1)
    t.fit(batches, [data], num_epoch=2)
    assert t.epoch == 4
    np.testing.assert_array_equal(np.isnan(t.get_hist_metric("test")), [True, True, False, False])
    np.testing.assert_allclose(t.get_hist_metric("test")[2:], whole.get_hist_metric("test")[2:], rtol=1e-5)
    again = History.from_json(t.history.to_json())
    np.testing.assert_array_equal(again.metric("test"), t.get_hist_metric("test"))
    stopping = EarlyStopping(patience=9)
    stopping.dynplug_run_start(SimpleNamespace(history=t.history, began=0, epoch=4))
    assert stopping.best_epoch in (3, 4)


def test_without_a_test_there_is_no_curve_of_one(trainer, data):
    t = trainer()
    t.fit(data, num_epoch=1)
    assert len(t.get_hist_metric("test")) == 0
    assert len(curve(t.history, "test", "loss")) == 0


def test_curves_have_a_value_an_epoch_however_often_steps_are_reported(trainer, data):
    t = trainer(shuffle_data=False)
    t.fit(data, data, num_epoch=2, batch_size=4, num_report=1)
    assert len(t.get_hist_metric("fit")) == 10
    assert len(curve(t.history, "fit", "loss")) == len(curve(t.history, "test", "loss")) == 2


def test_epochs_are_counted_from_where_a_trainer_stands(trainer, data, tmp_path):
    """`num_epoch` is how many more; what is left of an interrupted epoch is the first of them."""
    t = trainer(observers=[StopAt(2, 3, Stop)])
    with pytest.raises(Stop):
        t.fit(data, num_epoch=4, batch_size=8, save_to=tmp_path / "f", checkpoint_every=1)
    for more, epoch, steps in ((0, 1, 5), (1, 2, 6), (3, 4, 12)):
        again = trainer()
        again.load_states(tmp_path / "f")
        assert (again.epoch, again.steps) == (1, 5)
        again.fit(data, num_epoch=more, batch_size=8)
        assert (again.epoch, again.steps) == (epoch, steps)
        again.fit(data, num_epoch=1, batch_size=8)
        assert again.epoch == epoch + 1


def test_the_phases_are_fit_and_test_by_other_names_too(trainer, data):
    t = trainer()
    t.fit(data, data, num_epoch=1)
    told = t.history.to_json()
    assert set(told) == {"fit", "test"}
    assert History.from_json(told).to_json() == told
    history = History()
    for phase in ("fit", "predict"):  # as trainers of packages may still call it
        history.record(phase, [1], {"loss": [2.0]})
    assert history.last("test") == {"loss": 2.0}
    assert history.steps("test") == 1
