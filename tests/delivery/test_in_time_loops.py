"""Delivery inside of dynplug's loops over time: values, gradients, memory, and what the plan says."""

import functools
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynplug as dp
from dynplug.delivery import Fanout, deliver
from dynplug.timeloop import custom_derivative

UNITS, STEPS, CONNECTIONS = 200, 24, 1100  # fewer than 3 % of the pairs: the derivative is by connections
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
    in_size: tuple[int] = eqx.field(static=True)
    out_size: tuple[int] = eqx.field(static=True)

    def init_state(self, ctx):
        return {"V": jnp.zeros(self.out_size, ctx.dtype), "spike": jnp.zeros(self.out_size, ctx.dtype)}

    def update(self, state, x, ctx):
        arriving = deliver(state["spike"], self.recurrent, self.fanout, method=self.method)
        V = 0.5 * state["V"] * (1 - state["spike"]) + arriving + x
        spike = dp.surrogates.SuperSpike(4.0)(V - 1.0)
        return {"V": V, "spike": spike}, deliver(spike, self.readout, self.fanout, method=self.method)


def population(method, dtype=float, units=UNITS, connections=CONNECTIONS):
    """Weights are multiples of 2^-7, so that sums of few are exact in any order."""
    rng = np.random.default_rng(5)
    pre, post = rng.integers(0, units, (2, connections))
    fanout, _ = Fanout.of(pre, post, units, units, by_receiver=True)
    weights = jnp.asarray(rng.integers(-20, 30, (2, connections)) / 128, dtype)
    return Population(*weights, fanout, method, (units,), (units,))


def inputs(dtype=float, units=UNITS):
    return np.asarray(np.random.default_rng(6).integers(0, 12, (STEPS, units)) / 8, dtype)


def by_numpy(net, xs):
    """The same equations in NumPy."""
    units = net.out_size[0]
    matrices = np.zeros((2, units, units))
    pre, post = np.repeat(np.arange(units), np.diff(net.fanout.start)), np.asarray(net.fanout.post)
    for matrix, weight in zip(matrices, (net.recurrent, net.readout), strict=True):
        np.add.at(matrix, (post, pre), weight)
    V, spike, ys = np.zeros(units), np.zeros(units), []
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


@functools.cache
def by_matrices(units, batched=False):
    """The gradients where products with matrices deliver in `jax.lax.scan`, of one sample or of two."""
    xs = inputs(units=units)
    if batched:
        given = np.stack([xs, xs[::-1]])
        return value_and_gradients(population("dense", units=units), given, data_first_axis="B", loop="plain")[1]
    return value_and_gradients(population("dense", units=units), xs, loop="plain")[1]


@pytest.mark.parametrize(("units", "options"), [*((UNITS, o) for o in LOOPS), (48, {}), (48, {"remat": 6})], ids=str)
def test_values_and_gradients_are_those_of_a_matrix_product(x64, units, options):
    """Of 48 units a quarter of the pairs are connected, and the derivative is by a matrix."""
    net, xs = population("events", units=units), inputs(units=units)
    (_, ys), found = value_and_gradients(net, xs, **options)
    expected = by_numpy(net, xs)
    assert np.mean(expected != 0) > 0.05
    np.testing.assert_array_equal(ys, expected)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(by_matrices(units)), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-9 * np.abs(b).max())


@pytest.mark.parametrize("options", LOOPS[:2], ids=str)
def test_a_batch_of_runs(x64, options):
    net, xs = population("events"), np.stack([inputs(), inputs()[::-1], 0 * inputs()])

    def run(xs):
        return dp.LoopOverTime(net, dt=1.0, **options)(xs)[1]

    np.testing.assert_array_equal(jax.jit(jax.vmap(run))(xs), [by_numpy(net, x) for x in xs])


@pytest.mark.parametrize("loop", ["plain", "auto", "layer"])
def test_gradients_of_a_batch(x64, loop):
    xs = np.stack([inputs(), inputs()[::-1]])
    (_, ys), found = value_and_gradients(population("events"), xs, data_first_axis="B", loop=loop)
    np.testing.assert_array_equal(ys, [by_numpy(population("events"), x) for x in xs])
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(by_matrices(UNITS, batched=True)), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-9 * np.abs(b).max())


@pytest.mark.parametrize("options", [{"loop": "plain"}, {"loop": "auto"}, {"loop": "layer"}, {"loop": "step"}], ids=str)
@pytest.mark.parametrize("trained", ["recurrent", "readout"])
def test_training_does_not_keep_what_every_connection_carries(options, trained):
    """Of each step it keeps numbers of units, not of connections, of which there are twenty times as many."""
    units, connections, steps = 1000, 20_000, 100
    net = population("events", jnp.float32, units, connections)

    def loss(weight, xs):
        _, ys = dp.LoopOverTime(eqx.tree_at(lambda n: getattr(n, trained), net, weight), dt=1.0, **options)(xs)
        return jnp.sin(ys).sum()

    compiled = jax.jit(jax.grad(loss)).lower(net.recurrent, jnp.zeros((steps, units))).compile()
    assert compiled.memory_analysis().temp_size_in_bytes < 4 * steps * connections * 0.75


def test_the_plan_says_that_a_loop_over_events_stays_in_its_scan():
    text = dp.LoopOverTime(population("events", jnp.float32), dt=1.0).explain(inputs(jnp.float32))
    assert "In a scan because it is not known to be the same for all steps at once: custom_jvp_call" in text
    assert f"Backward: {2 * 4 * UNITS:,} bytes a step are kept: float32[{UNITS}], float32[{UNITS}]" in text  # V, spike
