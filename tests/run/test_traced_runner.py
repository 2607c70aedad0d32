"""A runner works on the host, and says so in a function that JAX traces."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynplug as dp
from dynplug.errors import TracedError

pytestmark = pytest.mark.quick

X = jnp.ones((4, 2))
LIF = dp.neurons.LIF(2, tau=np.array([5.0, 10.0], np.float32))


def made(model=LIF, **options):
    return dp.DSRunner(model, dt=1.0, progress_bar=False, **options)


def of_model(model):
    return made(model).run(inputs=X).sum()


WAYS = {
    "jit of inputs": lambda: jax.jit(lambda x: made().run(inputs=x))(X),
    "jit of nothing": lambda: jax.jit(lambda: made().run(2.0, inputs=1.0))(),
    "grad of inputs": lambda: jax.grad(lambda x: made().run(inputs=x).sum())(X),
    "vmap of inputs": lambda: jax.vmap(lambda x: made().run(inputs=x))(X[None]),
    "grad of a model": lambda: eqx.filter_grad(of_model)(LIF),
    "vmap of keys": lambda: jax.vmap(lambda key: made(key=key).run(inputs=X))(jax.random.split(jax.random.key(0), 2)),
    "vmap of stimuli": lambda: jax.vmap(lambda x: made(inputs=("V", x)).run(inputs=X))(X),
    "vmap of shared numbers": lambda: jax.vmap(lambda g: made().run(inputs=X, shared_args={"g": g}))(X),
    "vmap of starts": lambda: jax.vmap(lambda V: made().reset_state({"V": V}))(X),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_runner_is_not_traced(way):
    with pytest.raises(TracedError, match=r"does not run within jax\.jit.* dp\.LoopOverTime\("):
        WAYS[way]()


def test_it_runs_once_it_is_outside():
    assert made().run(inputs=X).shape == X.shape
