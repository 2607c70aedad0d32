"""Rules that change weights, wrong on purpose."""

import equinox as eqx
import jax.numpy as jnp
from jax.custom_batching import custom_vmap

from dynplug.plasticity import Factors, Plasticity, changed


class Traces(eqx.Module):
    pre: object
    post: object


class Rule(Plasticity):
    """A trace on each side, that decays with 20 ms."""

    w_min: float = 0.0
    w_max: float = 1.0

    def init_state(self, fanout, ctx):
        return Traces(jnp.zeros(fanout.pre_size, ctx.dtype), jnp.zeros(fanout.post_size, ctx.dtype))

    def kept(self, ctx):
        return jnp.asarray(jnp.exp(-ctx.dt / 20.0), ctx.dtype)

    def bounds(self):
        return self.w_min, self.w_max

    def depression(self, pre, post):
        return Factors(jnp.full_like(pre, -0.04), post)

    def update(self, state, weight, sent, spiked, fanout, ctx):
        arrives, spikes = sent != 0, spiked != 0
        pre = jnp.where(arrives, state.pre * self.kept(ctx) + 1, state.pre * self.kept(ctx))
        post = state.post * self.kept(ctx)
        on_spike = Factors(pre, jnp.full_like(post, 0.05))
        weight = changed(weight, fanout, arrives, self.depression(pre, post), spikes, on_spike, self.bounds())
        return Traces(pre, jnp.where(spikes, post + 1, post)), weight


class SingleTraces(Rule):
    def update(self, state, weight, sent, spiked, fanout, ctx):
        new, weight = super().update(state, weight, sent, spiked, fanout, ctx)
        return Traces(new.pre.astype(jnp.float32), new.post), weight


class LearnsNothing(Rule):
    def update(self, state, weight, sent, spiked, fanout, ctx):
        return state, jnp.clip(weight, self.w_min, self.w_max)


class GoesFurther(Rule):
    def bounds(self):
        return self.w_min, 1.5 * self.w_max


class ForgetsAllAlike(Rule):
    def update(self, state, weight, sent, spiked, fanout, ctx):
        new, weight = super().update(state, weight, sent, spiked, fanout, ctx)
        return new, weight * jnp.asarray(jnp.exp(-ctx.dt / 500.0), weight.dtype)


class PrefersTheFirst(Rule):
    def depression(self, pre, post):
        return Factors(-0.04 / (1 + jnp.arange(pre.size, dtype=pre.dtype)), post)


class CountsSteps(Rule):
    def kept(self, ctx):
        return jnp.asarray(0.95, ctx.dtype)


@custom_vmap
def alone(weight):
    return weight


@alone.def_vmap
def _(size, batched, weight):
    return jnp.broadcast_to(weight[:1], weight.shape), True


class SharesOneSample(Rule):
    def update(self, state, weight, sent, spiked, fanout, ctx):
        new, weight = super().update(state, weight, sent, spiked, fanout, ctx)
        return new, alone(weight)


def fault(check, target, *also):
    return {"check": check, "kind": "plasticity", "target": target, "also": also}


FAULTS = [
    fault("keeps_traces_and_weights_in_form", SingleTraces),
    fault("spikes_change_weights", LearnsNothing),
    fault("weights_stay_within_their_bounds", GoesFurther),
    fault("other_connections_stay_as_they_are", ForgetsAllAlike),
    fault("ignores_the_numbering_of_units", PrefersTheFirst),
    fault("learns_the_same_whatever_the_step", CountsSteps),
    fault("samples_learn_apart", SharesOneSample),
]
