"""Delivery inside of dynplug's loops over time: values, gradients, memory, and what the plan says."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynplug as dp
from dynplug.delivery import Fanout, deliver
from dynplug.timeloop import custom_derivative

UNITS, STEPS, CONNECTIONS = 48, 24, 600
LOOPS = [
    *({"loop": "plain"}, {"loop": "auto"}, {"loop": "layer"}, {"loop": "step"}),
    *({"remat": True}, {"remat": 6}, {"loop": "step", "remat": 6}),
]


@pytest.fixture(autouse=True)
def no_fall_back(monkeypatch):
    monkeypatch.setattr(custom_derivative, "fall_back", False)


class Population(dp.DynamicalSystem):
    """Leaky units that receive their own spikes, and a readout of all of them."""

    recurrent: Any
    readout: Any
    fanout: Fanout
    method: str = eqx.field(static=True)
    in_size: tuple[int] = eqx.field(static=True, default=(UNITS,))
    out_size: tuple[int] = eqx.field(static=True, default=(UNITS,))

    def init_state(self, ctx):
        return {"V": jnp.zeros(UNITS, ctx.dtype), "spike": jnp.zeros(UNITS, ctx.dtype)}

    def update(self, state, x, ctx):
        arriving = deliver(state["spike"], self.recurrent, self.fanout, method=self.method)
        V = 0.5 * state["V"] * (1 - state["spike"]) + arriving + x
        spike = dp.surrogates.SuperSpike(4.0)(V - 1.0)
        return {"V": V, "spike": spike}, deliver(spike, self.readout, self.fanout, method=self.method)


def population(method, dtype=float):
    """Weights are multiples of 2^-7, so that sums of few are exact in any order."""
    rng = np.random.default_rng(5)
    pre, post = rng.integers(0, UNITS, (2, CONNECTIONS))
    fanout, _ = Fanout.of(pre, post, UNITS, UNITS, by_receiver=True)
    weights = jnp.asarray(rng.integers(-20, 30, (2, CONNECTIONS)) / 128, dtype)
    return Population(*weights, fanout, method)


def inputs(dtype=float):
    return jnp.asarray(np.random.default_rng(6).integers(0, 12, (STEPS, UNITS)) / 8, dtype)


def by_numpy(net, xs):
    """The same equations in NumPy."""
    matrices = np.zeros((2, UNITS, UNITS))
    pre, post = np.repeat(np.arange(UNITS), np.diff(net.fanout.start)), np.asarray(net.fanout.post)
    for matrix, weight in zip(matrices, (net.recurrent, net.readout), strict=True):
        np.add.at(matrix, (post, pre), weight)
    V, spike, ys = np.zeros(UNITS), np.zeros(UNITS), []
    for x in np.asarray(xs):
        V = 0.5 * V * (1 - spike) + matrices[0] @ spike + x
        spike = (V >= 1.0).astype(float)
        ys.append(matrices[1] @ spike)
    return np.array(ys)


def value_and_gradients(net, xs, **options):
    def loss(weights, xs):
        weighted = eqx.tree_at(lambda n: (n.recurrent, n.readout), net, weights)
        _, ys = dp.LoopOverTime(weighted, dt=1.0, **options)(xs)
        return jnp.sin(ys).sum(), ys

    return jax.jit(jax.value_and_grad(loss, (0, 1), has_aux=True))((net.recurrent, net.readout), xs)


@pytest.mark.parametrize("options", LOOPS, ids=str)
def test_values_and_gradients_are_those_of_a_matrix_product(x64, options):
    (_, ys), found = value_and_gradients(population("events"), inputs(), **options)
    expected = by_numpy(population("events"), inputs())
    assert np.mean(expected != 0) > 0.05
    np.testing.assert_array_equal(ys, expected)
    _, dense = value_and_gradients(population("dense"), inputs(), loop="plain")
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(dense), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-9 * float(jnp.abs(b).max()))


@pytest.mark.parametrize("options", LOOPS[:2], ids=str)
def test_a_batch_of_runs(x64, options):
    net, xs = population("events"), jnp.stack([inputs(), inputs()[::-1], 0 * inputs()])

    def run(xs):
        return dp.LoopOverTime(net, dt=1.0, **options)(xs)[1]

    np.testing.assert_array_equal(jax.jit(jax.vmap(run))(xs), [by_numpy(net, x) for x in xs])


@pytest.mark.parametrize("loop", ["plain", "auto", "layer"])
def test_gradients_of_a_batch(x64, loop):
    xs = jnp.stack([inputs(), inputs()[::-1]])
    (_, ys), found = value_and_gradients(population("events"), xs, data_first_axis="B", loop=loop)
    np.testing.assert_array_equal(ys, [by_numpy(population("events"), x) for x in xs])
    _, dense = value_and_gradients(population("dense"), xs, data_first_axis="B", loop="plain")
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(dense), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-9 * float(jnp.abs(b).max()))


@pytest.mark.parametrize("options", [{"loop": "plain"}, {"loop": "auto"}, {"loop": "layer"}, {"loop": "step"}], ids=str)
@pytest.mark.parametrize("trained", ["recurrent", "readout"])
def test_training_does_not_keep_what_every_connection_carries(options, trained):
    """Of each step it keeps numbers of units, not of connections, of which there are twelve times as many."""
    net, steps = population("events", jnp.float32), 400

    def loss(weight, xs):
        _, ys = dp.LoopOverTime(eqx.tree_at(lambda n: getattr(n, trained), net, weight), dt=1.0, **options)(xs)
        return jnp.sin(ys).sum()

    compiled = jax.jit(jax.grad(loss)).lower(net.recurrent, jnp.zeros((steps, UNITS))).compile()
    assert compiled.memory_analysis().temp_size_in_bytes < 4 * steps * CONNECTIONS * 0.75


def test_the_plan_says_that_a_loop_over_events_stays_in_its_scan():
    text = dp.LoopOverTime(population("events", jnp.float32), dt=1.0).explain(inputs(jnp.float32))
    assert "In a scan because it is not known to be the same for all steps at once: custom_jvp_call" in text
    assert f"Backward: {2 * 4 * UNITS} bytes a step are kept: float32[{UNITS}], float32[{UNITS}]" in text  # V, spike
