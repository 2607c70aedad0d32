"""Quantities that a diagnosis measures, against independent ones: those of the compiler and of simulations."""

import jax
import numpy as np
import optax
import pytest
from networks import FEATURES, TIME, network

import dynplug as dp


@pytest.mark.claim(
    "diagnosis-memory",
    "The memory that a diagnosis predicts for a training step is that of the step that fit compiles (relative)",
    tolerance=0.2,
    reference="XLA's plan of the compiled program",
    components=("diagnostic:MemoryNeed",),
)
@pytest.mark.parametrize("remat", [False, True])
def test_the_memory_is_that_of_the_compiled_step(batch, measured, monkeypatch, remat):
    """All programs of a training are watched as XLA compiles them; the step is the one that takes most."""
    trainer = dp.BPTT(
        network(), "cross_entropy", optax.adam(1e-3), dt=1.0, logger=None, progress_bar=False, remat=remat
    )
    (row,) = trainer.diagnose(batch, checks=["MemoryNeed"], samples=2).rows
    plans = []
    lower = jax.stages.Lowered.compile

    def compiled(self, *args, **kwargs):
        done = lower(self, *args, **kwargs)
        plans.append(done.memory_analysis())
        return done

    monkeypatch.setattr(jax.stages.Lowered, "compile", compiled)
    x, y = batch
    state = trainer._progress.train_state
    program = trainer._program("fit", {}, 0)
    jax.jit(lambda state, x, y: program.train(state, x, y, None, 0, keep=False)).lower(state, x, y).compile()
    (plan,) = plans
    total = plan.argument_size_in_bytes + plan.output_size_in_bytes + plan.temp_size_in_bytes
    measured(abs(row[1].numbers["predicted"] / total - 1))


def rate(model, x, path="hidden"):
    """The mean rate [kHz] of a population in a simulation of its own."""
    loop = dp.LoopOverTime(model, out_vars=f"{path}.spike", dt=1.0, data_first_axis="B")
    _, (_, spikes) = loop(x)
    return float(np.mean(spikes))


@pytest.mark.claim(
    "diagnosis-initial-scale",
    "A silent network whose weights are scaled as suggested spikes at the target rate (relative)",
    tolerance=0.06,
    reference="Rossbroich, J., Gygax, J. & Zenke, F. (2022), doi:10.1088/2634-4386/ac97bb; simulation",
    components=("diagnostic:InitialScale",),
)
@pytest.mark.parametrize("target", [0.01, 0.05])
def test_the_suggested_scale_brings_a_silent_network_to_its_rate(measured, target):
    x = (np.random.default_rng(1).random((64, TIME, FEATURES)) < 0.3).astype(np.float32)
    y = np.arange(64, dtype=np.int32) % 2
    model = network(0.05)
    assert rate(model, x) == 0.0
    check = {"type": "InitialScale", "rate": target}
    found = dp.diagnose(model, (x, y), loss_fun="cross_entropy", dt=1.0, checks=[check], samples=None)
    (row,) = found.of("InitialScale")
    assert row.numbers["target"] == "input.weight"
    scaled = dp.load_state_dict(
        model, {**dp.state_dict(model), "input.weight": row.numbers["scale"] * model["input"].weight}
    ).tree
    measured(abs(rate(scaled, x) / target - 1))


def test_two_silent_populations_are_brought_to_the_rate_one_after_the_other():
    x = (np.random.default_rng(1).random((64, TIME, FEATURES)) < 0.3).astype(np.float32)
    one, two = jax.random.split(jax.random.key(0))
    model = dp.Sequential(
        a=dp.layers.Dense(FEATURES, 16, W_initializer=dp.initializers.Normal(0.01), key=one),
        first=dp.neurons.LIF(16),
        b=dp.layers.Dense(16, 16, W_initializer=dp.initializers.Normal(0.01), key=two),
        second=dp.neurons.LIF(16),
    )
    y = np.zeros((64, TIME, 16), np.float32)
    found = dp.diagnose(model, (x, y), loss_fun="mse", dt=1.0, checks=["InitialScale"], samples=None)
    scales = {row.numbers["target"]: row.numbers["scale"] for row in found.of("InitialScale")}
    assert list(scales) == ["a.weight", "b.weight"]
    arrays = dp.state_dict(model)
    scaled = dp.load_state_dict(
        model, {**arrays, **{path: scale * arrays[path] for path, scale in scales.items()}}
    ).tree
    for path in ("first", "second"):
        assert rate(scaled, x, path) == pytest.approx(0.01, rel=0.06)


def test_without_weights_it_is_the_input_that_is_to_be_scaled():
    x = np.random.default_rng(1).random((16, 100, 4)).astype(np.float32)
    model = dp.neurons.LIF(4) >> dp.layers.Dense(4, 2, W_initializer=1.0)
    y = np.zeros((16, 100, 2), np.float32)
    (row,) = dp.diagnose(model, (x, y), loss_fun="mse", dt=1.0, checks=["InitialScale"]).of("InitialScale")
    assert row.numbers["target"] == "input"
    assert rate(model, row.numbers["scale"] * x, "0") == pytest.approx(0.01, rel=0.06)


def test_the_input_that_would_reach_the_threshold_does():
    """A leaky integrator under constant current I reaches R I (1 - exp(-T / tau)): a hundredth above, one spike."""
    x = np.full((3, 30, 2), 0.4, np.float32)
    y = np.zeros((3, 30, 1), np.float32)
    model = dp.neurons.LIF(2, tau=10.0) >> dp.layers.Dense(2, 1, W_initializer=1.0)
    (row,) = dp.diagnose(model, (x, y), loss_fun="mse", dt=1.0, checks=["Silence"]).of("Silence")
    factor = 1 / (0.4 * (1 - np.exp(-3.0)))
    assert f"some {factor:.3g} times as great" in row.advice
    assert "above 1 nA" in row.advice
    assert rate(model, 0.99 * factor * x, "0") == 0.0
    assert rate(model, 1.01 * factor * x, "0") > 0.0


def test_the_gradient_in_time_is_the_closed_form():
    """For a leaky integrator and a loss on its last value the gradient fades by exp(-dt / tau) a step."""
    tau, steps = 5.0, 100
    model = dp.layers.Dense(1, 1, W_initializer=1.0) >> dp.neurons.LeakyIntegrator(1, tau=tau)
    batch = np.ones((2, steps, 1), np.float32), np.zeros((2, 1), np.float32)
    found = dp.diagnose(model, batch, loss_fun=lambda out, y: ((out[:, -1] - y) ** 2).mean(), dt=1.0)
    (row,) = found.of("TimeGradients")
    assert row.numbers["reach"] == 1 + np.floor(tau * np.log(1e6))
    assert row.level == "ok"
