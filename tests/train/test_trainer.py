"""The protocol of trainers, and their methods beside `fit`."""

import inspect
import io
import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynplug as dp
from dynplug.api import hookimpl
from dynplug.errors import DeviceError, OptionError, StateError
from dynplug.plugin import registry
from dynplug.train import EarlyStopping, Trainer


def test_trainers_are_trainers_and_simulators_are_not(trainer, net):
    assert isinstance(trainer(), Trainer)
    assert isinstance(dp.BPFF(net(), "cross_entropy"), Trainer)
    assert not isinstance(dp.DSRunner(net(), dt=1.0), Trainer)
    assert not isinstance(dp.LoopOverTime(net(), dt=1.0), Trainer)


@pytest.mark.parametrize(
    "component", [c for c in registry().components("runner") if hasattr(c.load(), "fit")], ids=lambda c: c.id
)
def test_every_registered_runner_that_fits_is_a_trainer(component):
    accepted = inspect.signature(component.load()).parameters
    options = {"loss_fun": "mse"} if "loss_fun" in accepted else {}
    model = dp.Sequential(dp.layers.Dense(2, 2, key=jax.random.key(0)))
    made = dp.build({"type": component.id, "dt": 1.0, **options}, kind="runner", given={"target": model})
    assert isinstance(made, Trainer)


def test_reports_come_after_some_steps_and_with_what_is_left(trainer, data):
    stream, heard = io.StringIO(), []
    t = trainer(logger=stream, shuffle_data=False)
    t.fit(data, data, num_epoch=2, batch_size=4, num_report=2, fun_after_report=lambda *report: heard.append(report))
    assert [(at, phase) for at, _, phase in heard] == [
        *((2, "fit"), (4, "fit"), (5, "fit"), (1, "test")),
        *((7, "fit"), (9, "fit"), (10, "fit"), (2, "test")),
    ]
    steps = t.get_hist_metric(which="detailed")
    groups = [steps[0:2], steps[2:4], steps[4:5], steps[5:7], steps[7:9], steps[9:10]]
    np.testing.assert_allclose(t.get_hist_metric(), [g.mean() for g in groups], rtol=1e-6)
    np.testing.assert_allclose([m["loss"] for _, m, phase in heard if phase == "fit"], t.get_hist_metric(), rtol=1e-6)
    lines = stream.getvalue().splitlines()
    assert [line.split(":")[0] for line in lines] == [
        *("Step 2", "Step 4", "Step 5", "Epoch 1/2", "Step 7", "Step 9", "Step 10", "Epoch 2/2")
    ]
    assert "fit loss" not in lines[3]
    assert f"fit loss {groups[1].mean():.4g}" in lines[1]


@pytest.mark.parametrize("every", [None, 0, -1])
def test_by_default_each_epoch_is_reported(trainer, data, every):
    heard = []
    t = trainer()
    t.fit(data, num_epoch=2, batch_size=4, num_report=every, fun_after_report=lambda *report: heard.append(report))
    assert [(at, phase) for at, _, phase in heard] == [(1, "fit"), (2, "fit")]
    with pytest.raises(OptionError, match="num_report=-2"):
        t.fit(data, num_report=-2)


def test_a_model_may_be_put_into_a_trainer(trainer, net, data, assert_same):
    first, second = trainer(), trainer()
    first.fit(data, num_epoch=2)
    second.target = first.target
    assert_same(second.target, first.target)
    np.testing.assert_array_equal(second.predict(data[0]), first.predict(data[0]))
    loaded, *_ = dp.load_state_dict(net(), dp.state_dict(first.target))
    second.target = loaded
    second.fit(data, num_epoch=1)
    assert second.epoch == 1
    with pytest.raises(StateError, match=r"fields that are no arrays differ|they differ at"):
        second.target = net() >> dp.layers.Dense(2, 2, key=jax.random.key(0))
    with pytest.raises(StateError, match=r"they differ at hidden\.tau"):
        second.target = net(tau=9.0)


def test_moves_to_another_device(tmp_path, two_devices):
    """With two devices of the host; in a process of its own, as their number is fixed when JAX starts."""
    code = """
import jax, numpy as np, dynplug as dp
here, there = jax.devices()
t = dp.BPTT(dp.layers.Dense(2, 1, key=jax.random.key(0)), "mse", dt=1.0, logger=None, monitors={"x": lambda s: s})
data = np.ones((4, 3, 2), "f4"), np.ones((4, 3, 1), "f4")
t.fit(data, num_epoch=1, reset_state=False)
t.to(there)
t.fit(data, data, num_epoch=1, reset_state=False)
assert t.target.weight.devices() == {there}, t.target.weight.devices()
assert t.predict(data[0]).devices() == {there}
t.save_states("there.safetensors")
t.load_states("there.safetensors")
assert t.target.weight.devices() == {there}, t.target.weight.devices()
t.to("cpu")
assert t.predict(data[0]).devices() == {here}
"""
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | two_devices, cwd=tmp_path)


def test_a_device_that_is_not_there_is_named(trainer):
    with pytest.raises(DeviceError, match="no device 'tpu'"):
        trainer().to("tpu")


def test_loop_and_remat_reach_the_time_loop(trainer):
    loop = trainer(loop="step", remat=3)._loop(True, {})
    assert (loop.loop, loop.remat, loop.fit) == ("step", 3, True)
    with pytest.raises(OptionError, match=r"^loop='fast' is no way .* loop. Known: auto, layer, plain, step.$"):
        trainer(loop="fast")
    with pytest.raises(OptionError, match="remat=0"):
        trainer(remat=0)


@pytest.mark.parametrize("options", [{"loop": "plain"}, {"loop": "step"}, {"loop": "layer"}, {"remat": 2}])
def test_loop_and_remat_change_no_result(trainer, data, options):
    usual, other = trainer(), trainer(**options)
    for t in (usual, other):
        t.fit(data, num_epoch=2, batch_size=8)
    np.testing.assert_allclose(
        usual.get_hist_metric(which="detailed"), other.get_hist_metric(which="detailed"), rtol=1e-4
    )


def test_time_starts_where_it_is_said():
    class Clock(dp.DynamicalSystem):
        weight: jax.Array

        def init_state(self, ctx):
            return None

        def update(self, state, x, ctx):
            return None, self.weight * ctx.t

    t = dp.BPTT(Clock(jnp.ones(())), "mse", dt=0.5, t0=2.0, logger=None)
    np.testing.assert_allclose(t.predict(np.zeros((1, 3, 1)))[0], [2.0, 2.5, 3.0])


class Interrupting:
    """An observer that saves and interrupts after some epoch."""

    def __init__(self, epoch, path):
        self.epoch, self.path = epoch, path

    @hookimpl
    def dynplug_epoch_start(self, trainer, epoch):
        if epoch == self.epoch:
            trainer.save_states(self.path)
            raise KeyboardInterrupt


@pytest.mark.parametrize("epoch", [2, 3, 4])
def test_early_stopping_goes_on_as_if_nothing_had_been(trainer, data, tmp_path, epoch):
    """It stops at epoch 4: patience 3, and nothing gets better by 100."""

    def stopping():
        return EarlyStopping(phase="fit", patience=3, min_delta=100.0)

    whole = trainer(observers=[stopping()])
    whole.fit(data, num_epoch=9)
    assert whole.epoch == 4
    first = trainer(observers=[stopping(), Interrupting(epoch, tmp_path / "x")])
    with pytest.raises(KeyboardInterrupt):
        first.fit(data, num_epoch=9)
    second = trainer(observers=[stopping()])
    second.load_states(tmp_path / "x")
    second.fit(data, num_epoch=9 - second.epoch)
    assert second.epoch == 4
    assert second.history.to_json() == whole.history.to_json()
    second.fit(data, num_epoch=2)  # a new run starts counting anew
    assert second.epoch == 6


def test_a_run_that_early_stopping_ended_is_not_gone_on_with(trainer, data, tmp_path):
    t = trainer(observers=[EarlyStopping(phase="fit", patience=1, min_delta=100.0)])
    t.fit(data, num_epoch=9, save_to=tmp_path / "x")
    assert t.epoch == 2
    again = trainer(observers=[EarlyStopping(phase="fit", patience=1, min_delta=100.0)])
    again.load_states(tmp_path / "x")
    again.fit(data, num_epoch=7)
    assert again.epoch == 2


@pytest.mark.parametrize(
    ("option", "value"), [("num_epoch", -1), ("num_epoch", 1.5), ("checkpoint_every", 0), ("num_epoch", True)]
)
def test_numbers_that_make_no_sense_are_refused(trainer, data, tmp_path, option, value):
    options = {"num_epoch": 1, "save_to": tmp_path / "x", option: value}
    with pytest.raises((OptionError, TypeError), match=option):
        trainer().fit(data, **options)
