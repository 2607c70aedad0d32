"""The package as a plugin: dynplug finds it, builds from it and trains with it; and the forecast of its paper."""

import json
import subprocess
import sys

import dynplug_reservoir
import jax
import numpy as np
import pytest
from click.testing import CliRunner
from dynplug_reservoir import NVAR, ClosedLoop, RidgeTrainer
from dynplug_reservoir.lorenz63 import lorenz63

import dynplug as dp
from dynplug.cli import cli

COMPONENTS = {
    "layer": ["Reservoir", "NVAR", "Feedback", "ClosedLoop"],
    "loss": ["nrmse"],
    "metric": ["nrmse"],
    "runner": ["RidgeTrainer", "LinearTrainer", "ForceTrainer"],
    "task": ["lorenz63"],
}


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in COMPONENTS.items() for name in names])
def test_dynplug_finds_the_components_by_name(kind, name):
    assert name in dp.list_components(kind)
    assert dp.get(kind, f"reservoir:{name}@1").__name__.casefold() == name.casefold()


def test_the_public_names_are_there():
    for name in dynplug_reservoir.__all__:
        assert getattr(dynplug_reservoir, name).__name__ == name
    with pytest.raises(AttributeError, match="nothing"):
        _ = dynplug_reservoir.nothing


def test_hooks_and_listings_import_no_jax():
    code = (
        "import sys, dynplug, dynplug_reservoir.hooks\n"
        "assert 'NVAR' in dynplug.list_components('layer')\n"
        "print([m for m in ('jax', 'equinox', 'scipy', 'dynplug_reservoir.nvar') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def dynplug(*arguments):
    done = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def metrics(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_the_command_trains_on_the_task(tmp_path):
    output = dynplug("train", "lorenz63", "--out", str(tmp_path / "run"))
    assert "Epoch 1/1" in output
    fit, test = metrics(tmp_path / "run")
    assert (fit["phase"], test["phase"]) == ("fit", "test")
    assert test["loss"] < 0.01
    output = dynplug("train", "--resume", str(tmp_path / "run"))
    assert "Epoch" not in output
    assert len(metrics(tmp_path / "run")) == 2


def test_the_command_exchanges_trainers_and_layers(tmp_path):
    (tmp_path / "echo.toml").write_text(ECHO)
    path = str(tmp_path / "echo.toml")
    dynplug("train", path, "--out", str(tmp_path / "bptt"))
    dynplug("train", path, "--out", str(tmp_path / "ridge"), "--set", "runner.type=RidgeTrainer")
    dynplug(
        *("train", path, "--out", str(tmp_path / "force"), "--set", "runner.type=ForceTrainer"),
        *("--set", "runner.alpha=0.1", "--set", "fit.num_epoch=1"),
    )
    dynplug("train", "--resume", str(tmp_path / "force"), "--set", "fit.num_epoch=2")
    bptt, ridge, force = ([m["loss"] for m in metrics(tmp_path / f)][-1] for f in ("bptt", "ridge", "force"))
    assert ridge < 0.25 * bptt
    assert force < 0.5 * bptt
    assert [m["epoch"] for m in metrics(tmp_path / "force")] == [1, 1, 2, 2]


ECHO = """
[task]
type = "lorenz63"
train_time = 20.0
test_time = 5.0

[model]
type = "Sequential"

[model.echo]
type = "Reservoir"
in_size = 3
out_size = 60
sparsity = 0.2
input_scale = 0.05

[model.readout]
type = "Dense"
in_size = 60
out_size = 3

[runner]
type = "BPTT"
dt = 0.025
loss_fun = "nrmse"
optimizer = { type = "adam", learning_rate = 0.001 }

[fit]
num_epoch = 2
"""


def test_the_task_holds_the_states_and_what_they_change_by():
    task = dp.get("task", "lorenz63")(warmup=1.0, train_time=2.0, test_time=1.5)
    (x, y), (x_test, y_test) = task.load(jax.random.key(0))
    assert [a.shape for a in (x, y, x_test, y_test)] == [(1, 120, 3)] * 2 + [(1, 100, 3)] * 2
    np.testing.assert_allclose(x[0, :-1] + y[0, :-1], x[0, 1:], rtol=1e-12)
    np.testing.assert_array_equal(x[0, 80:], x_test[0, :40])
    with pytest.raises(dp.errors.DurationError, match="whole number"):
        dp.get("task", "lorenz63")(warmup=1.01).load(jax.random.key(0))


@pytest.mark.claim(
    "lorenz63",
    "The states of Lorenz's system follow its equations (share of the slopes' spread)",
    tolerance=0.02,
    reference="central differences",
    components=("task:lorenz63",),
)
def test_the_states_follow_the_equations(measured):
    states = lorenz63(4001, 0.0005)
    x, y, z = states[1:-1].T
    slope = (states[2:] - states[:-2]) / 0.001
    exact = np.stack([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z], axis=1)
    measured(np.sqrt(np.mean((slope - exact) ** 2)) / exact.std())


@pytest.mark.claim(
    "ngrc-training-error",
    "Next generation reservoir computing has the paper's error in training on Lorenz's system (relative)",
    tolerance=0.2,
    reference="Gauthier, D. J. et al. (2021), doi:10.1038/s41467-021-25801-2; the published 1.06e-4",
    components=("layer:NVAR", "layer:ClosedLoop", "runner:RidgeTrainer"),
)
def test_the_forecast_is_that_of_the_paper(measured):
    """Gauthier et al. report errors of 1.06e-4 in training and 2.40e-3 +- 0.53e-3 over a Lyapunov time."""
    warmup, train, lyapunov, dt = 200, 400, 44, 0.025
    trajectory = lorenz63(warmup + 3 * train + lyapunov, dt)
    with jax.enable_x64(True):
        for first in (0, 400, 800):
            states, end = trajectory[first:], warmup + train
            seen, change = states[: end - 1], np.diff(states[:end], axis=0)
            model = NVAR(3) >> dp.layers.Dense(28, 3, W_initializer=0.0, b_initializer=None)
            trainer = RidgeTrainer(model, dt=dt, alpha=2.5e-6, washout=warmup - 1, logger=None)
            trainer.fit((seen[None], change[None]))
            spread = trajectory.std()
            fitted = np.sqrt(trainer.get_hist_metric("fit")[0]) / spread
            loop = dp.LoopOverTime(ClosedLoop(trainer.target, increment=True), dt=dt)
            state, ahead = loop(states[:end])
            _, rest = loop((lyapunov - 2) * dt, state)
            forecast = np.concatenate([ahead[-1:], rest])
            error = np.sqrt(np.mean((forecast - states[end : end + lyapunov - 1]) ** 2)) / spread
            measured.relative(fitted, 1.06e-4)
            assert error < 5e-3
