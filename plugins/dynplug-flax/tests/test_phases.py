"""Modules are told whether they are being fitted, and draw their random numbers from the context."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from dynplug_flax import FlaxLayer
from flax import nnx
from flax_modules import KEY, C

import dynplug as dp

pytestmark = pytest.mark.usefixtures("ranks")


class OpenDropout(nn.Module):
    @nn.compact
    def __call__(self, x):
        return nn.Dropout(0.5)(x)


def nnx_row():
    return nnx.Sequential(nnx.Dropout(0.5, rngs=nnx.Rngs(0)))


DROPOUTS = {
    "linen": lambda: FlaxLayer(nn.Dropout(0.5), 200, key=KEY),
    "inner": lambda: FlaxLayer(nn.Sequential([OpenDropout()]), 200, key=KEY),
    "nnx": lambda: FlaxLayer(nnx.Dropout(0.5, rngs=nnx.Rngs(0)), 200),
    "inner nnx": lambda: FlaxLayer(nnx_row(), 200),
    "inner nnx, for predictions": lambda: FlaxLayer(nnx.view(nnx_row(), deterministic=True), 200),
}


@pytest.mark.parametrize("name", DROPOUTS)
def test_dropout_draws_from_the_context_while_fitting_alone(name):
    layer, x = DROPOUTS[name](), jnp.ones(200)

    def out(seed, fit=True):
        ctx = dp.Context(dt=1.0, key=None if seed is None else jax.random.key(seed), fit=fit)
        return np.asarray(layer.update(layer.init_state(ctx), x, ctx)[1])

    assert set(np.unique(out(0))) == {0.0, 2.0}
    assert abs(out(0).mean() - 1.0) < 0.3
    np.testing.assert_array_equal(out(0), out(0))
    assert 0.3 < np.mean(out(0) != out(1)) < 0.7
    np.testing.assert_array_equal(out(0, fit=False), x)
    np.testing.assert_array_equal(out(None, fit=False), x)
    with pytest.raises(dp.errors.KeyRequiredError, match="stochastic"):
        out(None)


def test_two_dropouts_of_a_module_draw_apart():
    class Twice(nnx.Module):
        def __init__(self, rngs):
            self.one, self.other = nnx.Dropout(0.5, rngs=rngs), nnx.Dropout(0.5, rngs=rngs)

        def __call__(self, x):
            return jnp.stack([self.one(x), self.other(x)])

    layer, ctx = FlaxLayer(Twice(nnx.Rngs(0)), 200), dp.Context(dt=1.0, key=KEY, fit=True)
    one, other = layer.update(None, jnp.ones(200), ctx)[1]
    assert 0.3 < np.mean(one != other) < 0.7


def test_a_phase_that_is_settled_stays_so():
    """An attribute, and an argument that a module passes on itself, are not overruled."""

    class Always(nn.Module):
        @nn.compact
        def __call__(self, x):
            return nn.Dropout(0.5)(x, deterministic=False)

    for module, fit, expected in (
        (nn.Dropout(0.5, deterministic=True), True, {1.0}),
        (nn.Sequential([nn.Dropout(0.5, deterministic=True)]), True, {1.0}),
        (Always(), False, {0.0, 2.0}),
    ):
        layer, ctx = FlaxLayer(module, 100, key=KEY), dp.Context(dt=1.0, key=KEY, fit=fit)
        assert set(np.unique(layer.update(None, jnp.ones(100), ctx)[1])) == expected


@pytest.mark.parametrize("argument", ["train", "training", "is_training", "deterministic", "use_running_average"])
@pytest.mark.parametrize("library", [nn, nnx])
def test_arguments_tell_the_phase(argument, library):
    namespace: dict = {"Base": library.Module}
    exec(f"class Told(Base):\n def __call__(self, x, {argument}=None): return x * (1.0 + {argument})", namespace)
    layer = FlaxLayer(namespace["Told"](), 1, key=KEY)
    found = [float(layer.update(None, jnp.ones(1), dp.Context(dt=1.0, fit=fit))[1][0]) for fit in (False, True)]
    assert found == ([1.0, 2.0] if "train" in argument else [2.0, 1.0])


def test_the_given_module_of_nnx_stays_as_it_is():
    module = nnx.Dropout(0.5, rngs=nnx.Rngs(0))
    before = nnx.graphdef(module)
    layer = FlaxLayer(module, C)
    layer.update(None, jnp.ones(C), dp.Context(dt=1.0, key=KEY, fit=True))
    assert nnx.graphdef(module) == before
    assert int(module.rngs.count[...]) == 0
