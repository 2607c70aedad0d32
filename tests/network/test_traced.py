"""Connections are made on the host: where JAX traces a function, an error says to build outside of it."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynplug as dp
from dynplug.errors import TracedError
from dynplug.plugin import make_example, registry

pytestmark = pytest.mark.quick

E = dp.neurons.LIF(6)


def network(connector, key):
    synapse = dp.synapses.Exponential(tau=5.0)
    return dp.Network(
        {"E": E}, {"p": dp.Projection("E", "E", connector, weight=0.3, delay=1.0, synapse=synapse)}, key=key
    )


def arrays(model):
    return jax.tree.leaves(eqx.filter(model, eqx.is_array))


TRACED = {
    "jit of the key": lambda build, key: jax.jit(build)(key),
    "jit of something else": lambda build, key: jax.jit(lambda x: build(key))(1.0),
    "vmap": lambda build, key: jax.vmap(build)(jax.random.split(key, 2)),
    "grad": lambda build, key: jax.jit(jax.grad(lambda x: x + build(key)[0].sum().astype(float)))(1.0),
    "eval_shape": jax.eval_shape,
}


RANDOM, FIXED = dp.connectors.FixedProbability(0.5), dp.connectors.AllToAll()


@pytest.mark.parametrize(
    ("how", "connector"),
    [(how, one) for how in TRACED for one in (RANDOM, FIXED) if (how, one) != ("vmap", FIXED)],  # which draws nothing
)
def test_a_network_says_that_it_is_built_outside(how, connector):
    with pytest.raises(TracedError, match="Build the model outside, and give it to the function as an argument"):
        TRACED[how](lambda key: arrays(network(connector, key)), jax.random.key(0))


DRAWN = ["FixedProbability", "FixedInDegree", "FixedOutDegree", "SmallWorld", "ScaleFree"]


@pytest.mark.parametrize("name", DRAWN)
def test_a_connector_that_draws_says_so_too(name):
    connector = make_example(registry().find("connector", name), None)
    with pytest.raises(TracedError, match=f"^{name} is made on the host"):
        jax.jit(lambda key: connector(6, 6, key=key).pre)(jax.random.key(0))


def test_built_outside_it_is_an_argument():
    net = network(dp.connectors.FixedProbability(0.5), jax.random.key(0))
    run = eqx.filter_jit(lambda net, x: dp.LoopOverTime(net, dt=1.0)({"E": x})[1]["E"])
    x = jnp.full((30, 6), 2.0)
    np.testing.assert_array_equal(run(net, x), dp.LoopOverTime(net, dt=1.0)({"E": x})[1]["E"])
    assert run(net, x).any()


def test_a_network_without_connections_may_be_built_anywhere():
    assert jax.jit(lambda tau: dp.Network({"E": dp.neurons.LIF(2, tau=tau)})["E"].tau)(3.0) == 3.0
