"""The picture of a sweep."""

import pytest

import dynplug as dp
from dynplug.search import Search, Space
from dynplug.sweep.pictures import PICTURE, draw_sweep
from dynplug.sweep.results import SweepResult

pytestmark = pytest.mark.quick

VALUES = [
    {"runner.rate": 1e-3, "model.hidden.type": "LIF", "seed": 0},
    {"runner.rate": 1e-1, "model.hidden.type": "ALIF", "seed": 1},
]


@pytest.fixture
def swept():
    trials = [{"status": "finished", "values": v, "value": 0.5 + n} for n, v in enumerate(VALUES)]
    failed = {"status": "failed", "values": VALUES[0], "value": None}
    importance = {"runner.rate": 0.75, "model.hidden.type": 0.25, "seed": float("nan")}
    space = {"runner.rate": {"loguniform": [1e-4, 1.0]}, "model.hidden.type": ["LIF", "ALIF"], "seed": {"int": [0, 7]}}
    return SweepResult(Search(Space.parse(space)), [*trials, failed], importance)


def test_a_panel_tells_what_matters_and_one_for_each_hyperparameter_how(swept, tmp_path, monkeypatch):
    made, sheet = [], dp.plot.sheet
    monkeypatch.setattr(dp.plot, "sheet", lambda *given, **options: made.append(sheet(*given, **options)) or made[-1])
    draw_sweep(swept, tmp_path, print)
    assert (tmp_path / PICTURE).read_bytes().startswith(b"\x89PNG")
    shares, rate, kind, seed = [ax for ax in made[0].axes if ax.axison]
    assert [bar.get_width() for bar in shares.patches] == [0.75, 0.25, 0.0]
    assert [label.get_text() for label in shares.get_yticklabels()] == ["rate", "type", "seed"]
    assert [ax.get_xlabel() for ax in (rate, kind, seed)] == list(swept.importance)
    assert [ax.get_xscale() for ax in (rate, seed)] == ["log", "linear"]
    assert rate.lines[0].get_xydata().tolist() == [[1e-3, 0.5], [1e-1, 1.5]]
    assert [label.get_text() for label in kind.get_xticklabels()] == ["LIF", "ALIF"]
    assert {ax.get_subplotspec().rowspan.start for ax in (shares, rate, kind)} == {0}
    assert seed.get_subplotspec().rowspan.start == 1
    assert {ax.xaxis.label.get_size() for ax in (shares, rate, kind, seed)} == {9}


def test_where_no_trial_was_finished_there_is_none(swept, tmp_path):
    swept.trials[:] = swept.trials[-1:]
    draw_sweep(swept, tmp_path, print)
    assert not (tmp_path / PICTURE).exists()
