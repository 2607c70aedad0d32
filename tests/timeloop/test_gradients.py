"""Gradients through time against finite differences and against the same model written by hand."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

import dynplug as dp


@pytest.mark.parametrize("kind", ["RNNCell", "GRUCell", "LSTMCell"])
def test_recurrent_layers_against_finite_differences(kind, x64, getkey):
    net = dp.get("layer", kind)(2, 3, train_state=True, key=getkey()) >> dp.layers.Dense(3, 1, key=getkey())
    params, static = eqx.partition(net, eqx.is_inexact_array)
    xs = jax.random.normal(getkey(), (5, 2))

    def loss(params, loop="auto"):
        _, out = dp.LoopOverTime(eqx.combine(params, static), dt=1.0, loop=loop)(xs)
        return jnp.sum(jnp.sin(out))

    check_grads(loss, (params,), order=1, modes=("rev",), atol=1e-6, rtol=1e-6)
    check_grads(lambda p: loss(p, "plain"), (params,), order=1, modes=("fwd",), atol=1e-6, rtol=1e-6)


def test_constants_of_ode_neurons_against_finite_differences(x64):
    def loss(tau, conductance):
        cell = dp.neurons.LeakyIntegrator(2, tau=tau, integrator=dp.get("integrator", "Tsit5")())
        xs = dp.Drive(jnp.full((6, 2), 1.5), jnp.broadcast_to(conductance, (6, 2)))
        _, V = dp.LoopOverTime(cell, dt=0.7)(xs)
        return jnp.sum(V**2)

    check_grads(loss, (jnp.asarray([3.0, 8.0]), jnp.asarray([0.1, 0.4])), order=1, modes=("rev",), atol=1e-6, rtol=1e-6)


@pytest.mark.claim(
    "spiking-network-gradients",
    "Loss and gradients of a spiking network of four layers are those of the network written by hand "
    "(relative, and absolute below 0.001)",
    tolerance=1e-9,
    reference="an unrolled loop in jax.numpy with the same surrogate",
    components=("layer:Sequential", "layer:Dense", "neuron:LIF", "neuron:LeakyIntegrator", "surrogate:Sigmoid"),
)
def test_a_spiking_network_against_the_same_network_by_hand(x64, getkey, measured):
    W, U = 2.0 * jax.random.normal(getkey(), (6, 3)), jax.random.normal(getkey(), (2, 6))
    xs = jax.random.normal(getkey(), (9, 3))
    tau, tau_out, alpha = 4.0, 7.0, 3.0

    def by_dynplug(W, U):
        net = (
            dp.layers.Dense(3, 6, W_initializer=W, b_initializer=None)
            >> dp.neurons.LIF(6, tau=tau, surrogate=dp.surrogates.Sigmoid(alpha))
            >> dp.layers.Dense(6, 2, W_initializer=U, b_initializer=None)
            >> dp.neurons.LeakyIntegrator(2, tau=tau_out)
        )
        _, out = dp.LoopOverTime(net, dt=1.0)(xs)
        return jnp.sum(out**2)

    def by_hand(W, U):
        def spike(v):
            soft = jax.nn.sigmoid(alpha * v)
            return jax.lax.stop_gradient((v >= 0).astype(v.dtype) - soft) + soft

        a, b = np.exp(-1.0 / tau), np.exp(-1.0 / tau_out)
        V, out_V, total = jnp.zeros(6), jnp.zeros(2), 0.0
        for x in xs:
            V = a * V + (1 - a) * (W @ x)
            s = spike(V - 1.0)
            V = (1 - s) * V
            out_V = b * out_V + (1 - b) * (U @ s)
            total = total + jnp.sum(out_V**2)
        return total

    ours, theirs = (jax.value_and_grad(f, argnums=(0, 1))(W, U) for f in (by_dynplug, by_hand))
    assert float(jnp.abs(theirs[1][0]).max()) > 1e-3
    for x, y in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        measured.relative(x, y, floor=1e-3)
