"""Systems that are wrong on purpose, each by the check that must find it."""

import itertools
import os
from collections.abc import Callable
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax.core import Tracer

import dynplug as dp


class Layer(dp.DynamicalSystem):
    """A leaky sum that is right; the faulty layers change one thing of it."""

    in_size = (3,)
    out_size = (3,)

    def init_state(self, ctx):
        return jnp.zeros(3, ctx.dtype)

    def update(self, state, x, ctx):
        if x.shape != (3,):
            raise dp.errors.ShapeError("three numbers are needed")
        h = 0.5 * state + jnp.asarray(x, ctx.dtype)
        return h, h


class Drifts(Layer):
    def update(self, state, x, ctx):
        h, out = super().update(state, x, ctx)
        return h.astype(jnp.float16), out


class Centres(dp.DynamicalSystem):
    """Takes the mean of the batch, or the running one; padding counts, too."""

    in_size = (3,)
    out_size = (3,)
    mean: jax.Array = dp.core.statistic()
    batch: jax.Array | None

    def __init__(self):
        self.mean, self.batch = jnp.zeros(3), None

    def init_state(self, ctx):
        return None

    def update(self, state, x, ctx):
        if x.shape != (3,):
            raise dp.errors.ShapeError("three numbers are needed")
        return None, jnp.asarray(x, ctx.dtype) - (self.mean if self.batch is None or not ctx.fit else self.batch)

    def settle(self, xs, counts, i):
        mean = xs.mean((0, 1))
        return eqx.tree_at(
            lambda s: (s.mean, s.batch),
            self,
            (self.mean + 0.1 * (mean - self.mean), mean),
            is_leaf=lambda node: node is None,
        )


class SaysTwo(Layer):
    out_size = (2,)


class TakesAnything(Layer):
    def update(self, state, x, ctx):
        h = 0.5 * state + jnp.sum(jnp.asarray(x, ctx.dtype))
        return h, h


class HalfWhenSingle(Layer):
    def update(self, state, x, ctx):
        h, out = super().update(state, x, ctx)
        return h, out.astype(jnp.bfloat16) if ctx.dtype == jnp.float32 else out


class AlwaysSingle(Layer):
    def init_state(self, ctx):
        return jnp.zeros(3, jnp.float32)

    def update(self, state, x, ctx):
        h, _ = super().update(state, jnp.asarray(x, jnp.float32), dp.Context(dt=ctx.dt, dtype=jnp.float32))
        return h, h.astype(ctx.dtype)


class OtherWhenCompiled(Layer):
    def update(self, state, x, ctx):
        h, out = super().update(state, x, ctx)
        return h, 2.0 * out if isinstance(x, Tracer) else out


@jax.custom_batching.custom_vmap
def one(x):
    return jnp.ones_like(x)


@one.def_vmap
def _(size, batched, x):
    return jnp.full_like(x, size), True


class SeesTheBatch(Layer):
    def update(self, state, x, ctx):
        h, out = super().update(state, x, ctx)
        return h, out * one(jax.lax.stop_gradient(out))


class MakesALambda(Layer):
    f: Callable[[Any], Any] = eqx.field(static=True)

    def __init__(self):
        self.f = lambda x: x

    def update(self, state, x, ctx):
        h, out = super().update(state, x, ctx)
        return h, self.f(out)


class StartsWeak(Layer):
    def init_state(self, ctx):
        return jnp.full(3, 0.0)


class HidesItsWeight(Layer):
    weight: tuple[float, ...] = eqx.field(static=True)

    def __init__(self, key):
        self.weight = tuple(np.asarray(jr.normal(key, (3,))).tolist())

    def update(self, state, x, ctx):
        h, out = super().update(state, x, ctx)
        return h, out * jnp.asarray(self.weight, out.dtype)


class Explodes(Layer):
    def init_state(self, ctx):
        return jnp.ones(3, ctx.dtype)

    def update(self, state, x, ctx):
        h, out = super().update(3.0 * state, x, ctx)
        return h, out


class HasNoSlope(Layer):
    def update(self, state, x, ctx):
        h, out = super().update(state, x, ctx)
        return h, out + jnp.sqrt(jnp.square(out - out))


made = itertools.count()
settings = {"latest": 0.0}


class ReadsAGlobal(Layer):
    def __init__(self):
        settings["latest"] = float(next(made))

    def update(self, state, x, ctx):
        h, out = super().update(state, x, ctx)
        return h, out + settings["latest"]


calls: list[str] = []


class WritesAGlobal(Layer):
    def update(self, state, x, ctx):
        calls.append("update")
        return super().update(state, x, ctx)


class ChoosesAKey(Layer):
    def update(self, state, x, ctx):
        h, out = super().update(state, x, ctx)
        return h, out + jr.normal(jr.key(0) if ctx.key is None else ctx.key, (3,), out.dtype)


class IgnoresItsKey(Layer):
    def update(self, state, x, ctx):
        ctx.random_key()
        h, out = super().update(state, x, ctx)
        return h, out + jr.normal(jr.key(0), (3,), out.dtype)


class DrawsTwice(Layer):
    def update(self, state, x, ctx):
        key = ctx.random_key()
        h, out = super().update(state, x, ctx)
        return h, out + jr.normal(key, (3,), out.dtype) * jr.uniform(key, (3,), out.dtype)


class NamesTwoPartsAlike(Layer):
    def update(self, state, x, ctx):
        h, out = super().update(state, x, ctx)
        a, b = (jr.normal(ctx.child("part").random_key(), (3,), out.dtype) for _ in range(2))
        return h, out + a * b


class NeuronState(eqx.Module):
    V: jax.Array
    spike: Any = dp.discrete()


class SoftSpikes(Layer):
    def init_state(self, ctx):
        return NeuronState(jnp.zeros(3, ctx.dtype), jnp.zeros(3, ctx.dtype))

    def update(self, state, x, ctx):
        V, _ = super().update(state.V, x, ctx)
        spike = jax.nn.sigmoid(V)
        return NeuronState(V, spike), spike


class ODENeuron(dp.Neuron):
    """A leaky membrane that is right."""

    size: tuple[int, ...] = eqx.field(static=True, converter=dp.as_size)
    integrator: Any = dp.integrators.ExponentialEuler()

    def init_state(self, ctx):
        return NeuronState(jnp.zeros(self.size, ctx.dtype), jnp.zeros(self.size, ctx.dtype))

    def vector_field(self, t, y, drive):
        return NeuronState(drive(y.V) - 0.3 * y.V)

    def emit(self, old, new, ctx):
        spike = (new.V > 10.0).astype(new.V.dtype)
        return NeuronState((1.0 - spike) * new.V, spike), spike


class DecaysInEmit(ODENeuron):
    def emit(self, old, new, ctx):
        state, out = super().emit(old, new, ctx)
        return NeuronState(0.99 * state.V, state.spike), out


class Couples(ODENeuron):
    def vector_field(self, t, y, drive):
        return NeuronState(drive(y.V) - 0.3 * y.V + 0.1 * jnp.mean(y.V))


class SaysAnotherSign(ODENeuron):
    """A leaky membrane whose text has the other sign."""

    equations: ClassVar = {"V": "I[1/ms] + 0.3[1/ms] * V"}


class AddsARateToANumber(ODENeuron):
    """A leaky membrane whose text adds a rate and a pure number."""

    equations: ClassVar = {"V": "I[1/ms] - 0.3 * V"}


class PutsOutAnArray(Layer):
    pass


class Creeps(Layer):
    def update(self, state, x, ctx):
        h, _ = super().update(state, x, ctx)
        h = h + 1e-2
        return h, dp.Drive(current=h)


class IgnoresEvents(Layer):
    def update(self, state, x, ctx):
        super().update(state, x, ctx)
        return state, dp.Drive(current=state)


class AnswersLate(Layer):
    def update(self, state, x, ctx):
        h, _ = super().update(state, x, ctx)
        return h, state


class HasADeadOutput(Layer):
    def update(self, state, x, ctx):
        h, out = super().update(state, x, ctx)
        return h, out * jnp.asarray([1.0, 1.0, 0.0], out.dtype)


class CountsStepsNotTime(Layer):
    """Smooths.

    **Arguments:**

    - `tau`: its time constant [ms].
    """

    tau: float = eqx.field(default=0.5, static=True)

    def update(self, state, x, ctx):
        h, _ = super().update(state, x, ctx)
        h = h + (0.05 / self.tau) * (jnp.asarray(x, ctx.dtype) - h)
        return h, h


class DrawsTwins(Layer):
    first: jax.Array
    second: jax.Array

    def __init__(self, *, key):
        self.first, self.second = jr.normal(key, (3, 3)), 2.0 * jr.normal(key, (3, 3))

    def update(self, state, x, ctx):
        h, _ = super().update(state, x, ctx)
        return h, self.first @ h + self.second @ jnp.tanh(h)


class DropsWithoutScaling(Layer):
    def update(self, state, x, ctx):
        h, out = super().update(state, x, ctx)
        return h, jnp.where(jr.bernoulli(ctx.random_key(), 0.5, (3,)), out, 0.0) if ctx.fit else out


class DropsAllOrNone(Layer):
    def update(self, state, x, ctx):
        h, out = super().update(state, x, ctx)
        return h, out * 2.0 * jr.bernoulli(ctx.random_key(), 0.5).astype(out.dtype) if ctx.fit else out


class SetsTheEnvironment(Layer):
    def update(self, state, x, ctx):
        os.environ["DYNPLUG_FAULTY"] = str(np.random.default_rng().random())
        return super().update(state, x, ctx)


def layer(check, target, *also, **more):
    return {"check": check, "kind": "layer", "target": target, "also": also} | more


FAULTS = [
    layer("state_keeps_its_form", Drifts),
    layer("learns_the_statistics_of_batches", Centres),
    layer("shapes_are_declared", SaysTwo),
    layer("wrong_inputs_are_refused", TakesAnything),
    layer("keeps_float32", HalfWhenSingle),
    layer("keeps_float64", AlwaysSingle),
    layer("jit_equals_eager", OtherWhenCompiled),
    layer("vmap_equals_loop", SeesTheBatch, "gradients_match_differences"),
    layer("compiles_once", MakesALambda),
    layer("compiles_once", StartsWeak),
    layer("round_trips", HidesItsWeight, "compiles_once"),
    layer("stays_finite", Explodes),
    layer("gradients_are_finite", HasNoSlope, "gradients_match_differences"),
    layer("repeats_itself", ReadsAGlobal, "writes_no_globals"),
    layer("writes_no_globals", WritesAGlobal),
    layer("is_random_by_key_alone", ChoosesAKey),
    layer("depends_on_its_key", IgnoresItsKey, "draws_for_each_unit"),
    layer("uses_keys_once", DrawsTwice),
    layer("uses_keys_once", NamesTwoPartsAlike),
    layer("spikes_are_binary", SoftSpikes, "spikes_whatever_the_step", "spikes_when_driven", kind="neuron"),
    layer("converges_at_its_order", DecaysInEmit, "spikes_whatever_the_step", kind="neuron", example={"size": 3}),
    layer("field_is_unitwise", Couples, kind="neuron", example={"size": 3}),
    layer("follows_its_equations", SaysAnotherSign, kind="neuron", example={"size": 3}),
    layer("equations_agree_in_units", AddsARateToANumber, kind="neuron", example={"size": 3}),
    layer("puts_out_a_drive", PutsOutAnArray, "charge_whatever_the_step", kind="synapse"),
    layer("rests_without_events", Creeps, "charge_whatever_the_step", "tells_weights_apart", kind="synapse"),
    layer(
        "answers_events",
        IgnoresEvents,
        "answers_in_the_same_step",
        "every_array_gets_a_gradient",
        "tells_weights_apart",
        kind="synapse",
    ),
    layer("answers_in_the_same_step", AnswersLate),
    layer("every_output_moves", HasADeadOutput),
    layer("milliseconds_are_milliseconds", CountsStepsNotTime),
    layer("key_makes_the_arrays", DrawsTwins),
    layer("is_random_while_fitting_at_most", DropsWithoutScaling),
    layer("draws_for_each_unit", DropsAllOrNone),
    layer("writes_no_globals", SetsTheEnvironment),
]
