"""Many trials as one program: they run together, and each is as by itself."""

import json

import numpy as np
import pytest

import dynplug as dp
from dynplug.sweep import vectorised
from dynplug.train import checkpoint
from dynplug.train.together import NotTogether
from dynplug.train.together.rendezvous import Rendezvous


def silent(line):
    pass


@pytest.fixture
def groups(monkeypatch):
    """The sizes of the groups that run together."""
    sizes, run = [], vectorised.run_together

    def counted(trainers, runs):
        sizes.append(len(trainers))
        results = run(trainers, runs)
        assert not any(isinstance(one, NotTogether) for one in results), results
        return results

    monkeypatch.setattr(vectorised, "run_together", counted)
    monkeypatch.setattr("dynplug.recipe.training.arrays_of", None)  # initial parameters are kept for reports alone
    return sizes


def swept(values, launcher, folder):
    values["sweep"]["launcher"] = launcher
    return dp.sweep_config(values, folder, say=silent)


def both(values, tmp_path):
    return swept(values, "serial", tmp_path / "serial").trials, swept(values, "vmap", tmp_path / "vmap").trials


def assert_alike(alone, together, rtol=1e-5):
    for one, other in zip(alone, together, strict=True):
        assert (one["status"], one["epoch"], one["values"]) == (other["status"], other["epoch"], other["values"]), other
        for phase, metrics in one["metrics"].items():
            for name, value in metrics.items():
                np.testing.assert_allclose(other["metrics"][phase][name], value, rtol=rtol)


@pytest.mark.claim(
    "vmap-single",
    "the losses of trials that differ in seed, time constant and learning rate, computed as one program, are those of "
    "single runs",
    tolerance=1e-5,
    unit="-",
    reference="each trial trained by itself",
    components=("launcher:vmap",),
)
def test_seeds_and_numbers_of_model_and_optimizer_run_together(values, tmp_path, groups, measured):
    values["sweep"]["space"] = {
        "seed": [0, 1],
        "model.hidden.tau": [5.0, 20.0],
        "runner.optimizer.learning_rate": [0.01, 0.03],
    }
    alone, together = both(values, tmp_path)
    assert groups == [8]
    assert_alike(alone, together)
    losses = [[t["metrics"]["test"]["loss"] for t in trials] for trials in (alone, together)]
    measured(float(np.max(np.abs(np.divide(*losses) - 1.0))))
    assert len({round(loss, 6) for loss in losses[1]}) == 8
    for number in range(8):  # the files of each are those that it has by itself
        folders = [tmp_path / name / "trials" / f"{number:04d}" for name in ("serial", "vmap")]
        assert {p.name for p in folders[0].iterdir()} >= {p.name for p in folders[1].iterdir()} - {"log.txt"}
        lines = [(f / "metrics.jsonl").read_text().splitlines() for f in folders]
        assert [json.loads(a)["phase"] for a in lines[0]] == [json.loads(b)["phase"] for b in lines[1]]
    model = dp.load_run(folders[1]).model
    assert model["hidden"].tau == 20.0
    np.testing.assert_allclose(
        model["input"].weight, dp.load_run(folders[0]).model["input"].weight, rtol=1e-4, atol=1e-6
    )


def test_a_trial_that_diverges_or_stops_early_leaves_the_others_alone(values, tmp_path, groups):
    values["fit"]["num_epoch"] = 4
    values["runner"]["observers"] = [{"type": "EarlyStopping", "patience": 1, "min_delta": 0.02, "restore_best": True}]
    values["sweep"]["space"] = {"runner.optimizer.learning_rate": [1e-6, 0.03, float("inf"), 0.01]}
    alone, together = both(values, tmp_path)
    assert groups == [4]
    assert_alike(alone, together)
    assert together[2]["message"] == alone[2]["message"]
    assert together[2]["message"].startswith("NonFiniteError: ")
    done = [n for n, t in enumerate(together) if t["status"] == "finished"]
    assert len({together[n]["epoch"] for n in done}) > 1
    for number in done:
        folders = [tmp_path / name / "trials" / f"{number:04d}" for name in ("serial", "vmap")]
        best, other = (checkpoint.describe(f / "checkpoint.safetensors")["best"] for f in folders)
        assert best["epoch"] == other["epoch"] > 0
        weights = [dp.load_run(folder).model["input"].weight for folder in folders]
        np.testing.assert_allclose(*weights, rtol=1e-4, atol=1e-6)
    last = dp.load_states(folders[0] / "checkpoint.safetensors", dp.load_run(folders[0]).model, prefix="model").tree
    assert not np.allclose(weights[0], last["input"].weight, rtol=1e-4)


def test_what_differs_otherwise_makes_programs_of_its_own(values, tmp_path, groups):
    values["fit"]["num_epoch"] = 1
    values["sweep"]["space"] = {"seed": [0, 1], "model.hidden.reset": ["value", "subtract"], "fit.batch_size": [30, 40]}
    alone, together = both(values, tmp_path)
    assert sorted(groups) == [2, 2, 2, 2]
    assert_alike(alone, together)


def test_what_cannot_run_together_runs_alone(values, tmp_path, groups):
    values["fit"] |= {"num_epoch": 1, "reset_state": False, "batch_size": 40}
    values["task"]["test_share"] = 0.9332  # 120 samples to train on, 1677 to test on: one batch size does not divide it
    values["sweep"]["space"] = {"seed": [0, 1]}
    alone, together = both(values, tmp_path)
    assert groups == []
    assert [t["status"] for t in together] == [t["status"] for t in alone]


def test_losses_with_options_and_rates_of_units_run_together(values, tmp_path, groups):
    values["fit"]["num_epoch"] = 1
    values["runner"]["track"] = ["spike_rate"]
    values["runner"]["loss_fun"] = {"type": "cross_entropy", "label_smoothing": 0.1}
    values["sweep"]["space"] = {"seed": [0, 1]}
    alone, together = both(values, tmp_path)
    assert groups == [2]
    assert_alike(alone, together)
    assert len({trial["metrics"]["test"]["spike_rate/hidden"] for trial in together}) == 2


def test_there_are_as_many_lanes_as_asked_for(values, tmp_path, groups):
    values["fit"]["num_epoch"] = 1
    values["sweep"]["space"] = {"seed": [0, 1, 2]}
    swept(values, {"type": "vmap", "num_lane": 2}, tmp_path / "out")
    assert groups == [2, 1]


def test_a_meeting_answers_when_all_that_are_left_have_asked():
    rendezvous = Rendezvous(2, lambda asked: {lane: sum(asked.values()) for lane in asked})
    rendezvous.leave(1)
    assert rendezvous.ask(0, 3) == 3
    failing = Rendezvous(1, lambda asked: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        failing.ask(0, 3)
    rendezvous.close(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        rendezvous.ask(0, 3)


def test_trials_that_name_their_devices_run_alone(values, tmp_path, groups):
    values["runner"]["devices"] = 1
    values["sweep"]["space"] = {"seed": [0, 1]}
    assert [trial["status"] for trial in swept(values, "vmap", tmp_path / "devices").trials] == ["finished"] * 2
    assert groups == []
