"""Sources that are wrong on purpose."""

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr

import dynplug as dp


class Noise(dp.sources.Source):
    """White noise that is right; the faulty sources change one thing of it."""

    size: tuple[int, ...] = eqx.field(static=True, converter=dp.as_size)

    def init_state(self, ctx):
        return None

    def generate(self, state, ctx):
        return None, jr.normal(ctx.random_key(), self.size, ctx.dtype) / ctx.dt**0.5


class TakesAnInput(Noise):
    def update(self, state, x, ctx):
        return self.generate(state, ctx)


class ForgetsTheStep(Noise):
    def generate(self, state, ctx):
        return None, jr.normal(ctx.random_key(), self.size, ctx.dtype)


class SpikesAStep(Noise):
    def init_state(self, ctx):
        return dp.sources.SpikesState(jnp.zeros(self.size, ctx.dtype))

    def generate(self, state, ctx):
        spike = jr.bernoulli(ctx.random_key(), 0.1, self.size).astype(ctx.dtype)
        return dp.sources.SpikesState(spike), spike


def source(check, target, *also, **more):
    return {"check": check, "kind": "source", "target": target, "also": also, "example": {"size": 3}} | more


FAULTS = [
    source("takes_no_input", TakesAnInput),
    source("integral_whatever_the_step", ForgetsTheStep),
    source("integral_whatever_the_step", SpikesAStep),
]
