"""Runners tell how their loop is compiled, and what they are."""

import inspect

import jax
import numpy as np
import pytest

import dynplug as dp

X = np.ones((20, 4, 3), np.float32)


def model():
    return dp.Sequential(into=dp.layers.Dense(3, 5, key=jax.random.key(0)), hidden=dp.neurons.LIF(5))


def over_time(**options):
    return dp.LoopOverTime(model(), "hidden.V", dt=0.5, data_first_axis="T", **options).explain(X)


def simulated(**options):
    return dp.DSRunner(model(), monitors=["hidden.V"], dt=0.5, data_first_axis="T", **options).explain(inputs=X)


def trained(**options):
    net = model() >> dp.neurons.LeakyIntegrator(5)
    return dp.BPTT(net, "mse", dt=0.5, data_first_axis="T", logger=None, **options).explain(X)


WAYS = [over_time, simulated, trained]


@pytest.mark.parametrize("explained", WAYS)
def test_the_plan_is_that_of_the_run(explained):
    text = explained()
    assert text.startswith("20 steps, stage by stage")
    assert "dot_general" in text
    assert "hidden.V" in text
    assert explained(loop="step").startswith("20 steps, step by step")
    assert explained(loop="plain").startswith("20 steps as one jax.lax.scan: loop='plain'")
    assert "chunks of 5 steps, as asked" in explained(remat=5)


def test_a_simulation_is_explained_by_its_chunks_and_for_a_duration():
    assert simulated(chunk=5).startswith("5 steps")
    runner = dp.DSRunner(dp.neurons.LIF(3), dt=0.5, jit=False)
    assert runner.explain(10.0, inputs=1.0).startswith("20 steps as one jax.lax.scan")
    assert runner.state is None
    assert dp.LoopOverTime(dp.neurons.LIF(3), dt=0.5).explain(10.0).startswith("20 steps")


@pytest.mark.parametrize("cls", [dp.DSRunner, dp.BPTT, dp.BPFF])
def test_predict_and_run_are_one_method_with_its_signature(cls):
    assert inspect.signature(cls.run) == inspect.signature(cls.predict)
    assert "kwargs" not in inspect.signature(cls.run).parameters


def test_a_runner_shows_its_model_and_where_it_stands():
    runner = dp.DSRunner(dp.neurons.LIF(3, tau=7.0), monitors=["V"], dt=0.5, progress_bar=False)
    runner.run(10.0)
    for part in ("DSRunner(", "tau=7.0", "dt=0.5", "monitors=['V']", "step=20"):
        assert part in repr(runner)
    trainer = dp.BPTT(model(), "mse", dt=0.5, metrics=["accuracy"], logger=None, progress_bar=False)
    for part in ("BPTT(", "LIF(", "dt=0.5", "['mse', 'accuracy']", "epoch=0", "steps=0"):
        assert part in repr(trainer)
