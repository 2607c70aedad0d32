"""Systems that are wrong only when they are driven, differentiated, or started later."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

import dynplug as dp


class State(eqx.Module):
    V: jax.Array
    spike: Any = dp.discrete()


class Right(dp.Neuron):
    """A leaky integrate-and-fire neuron that is right; the faulty ones change one thing of it."""

    size: tuple[int, ...] = eqx.field(static=True, converter=dp.as_size)
    tau: dp.Parameter = dp.param(10.0, positive=True)
    V_th: dp.Parameter = dp.param(1.0)
    surrogate: dp.surrogates.Surrogate = dp.surrogates.Sigmoid()
    integrator: Any = dp.integrators.ExponentialEuler()

    def init_state(self, ctx):
        return State(jnp.zeros(self.size, ctx.dtype), jnp.zeros(self.size, ctx.dtype))

    def vector_field(self, t, y, drive):
        return State((drive(y.V) - y.V) / self.tau)

    def emit(self, old, new, ctx):
        spike = self.surrogate(new.V - self.V_th)
        return State((1.0 - spike) * new.V, spike), spike


class IgnoresAnArgument(Right):
    tau_ref: float = eqx.field(default=2.0, static=True)


class CutsTheGradient(Right):
    def vector_field(self, t, y, drive):
        return State((drive(y.V) - y.V) / jax.lax.stop_gradient(jnp.asarray(self.tau, y.V.dtype)))


@jax.custom_jvp
def halved(x):
    return x


halved.defjvp(lambda primals, tangents: (primals[0], 0.5 * tangents[0]))


class HalvesTheGradient(Right):
    def vector_field(self, t, y, drive):
        return State((halved(drive(y.V)) - y.V) / self.tau)


class ReadsTheClock(Right):
    def emit(self, old, new, ctx):
        spike = self.surrogate(new.V - self.V_th - jnp.where(ctx.t > 40.0, 0.5, 0.0))
        return State((1.0 - spike) * new.V, spike), spike


class FavoursTheFirstUnit(Right):
    def emit(self, old, new, ctx):
        more = jnp.zeros(self.size, ctx.dtype).at[(0,) * len(self.size)].set(0.1)
        spike = self.surrogate(new.V - self.V_th - more)
        return State((1.0 - spike) * new.V, spike), spike


class TakesTheMeanOfItsConstants(Right):
    def vector_field(self, t, y, drive):
        return State((drive(y.V) - y.V) / jnp.mean(jnp.asarray(self.tau)))


class NeverSpikes(Right):
    def emit(self, old, new, ctx):
        spike = self.surrogate(jnp.tanh(new.V) - jnp.exp(self.V_th))
        return State((1.0 - spike) * new.V, spike), spike


class PutsOutThePotential(Right):
    def emit(self, old, new, ctx):
        state, _ = super().emit(old, new, ctx)
        return state, new.V


class TraceState(eqx.Module):
    V: jax.Array
    trace: jax.Array
    spike: Any = dp.discrete()


class Traces(dp.Neuron):
    """The same with a trace of its spikes, which decays."""

    size: tuple[int, ...] = eqx.field(static=True, converter=dp.as_size)
    tau: dp.Parameter = dp.param(10.0, positive=True)
    integrator: Any = dp.integrators.ExponentialEuler()

    def init_state(self, ctx):
        V = jnp.zeros(self.size, ctx.dtype)
        return TraceState(V, V, V)

    def vector_field(self, t, y, drive):
        return TraceState((drive(y.V) - y.V) / self.tau, self.decay(y.trace))

    def decay(self, trace):
        return -trace / self.tau

    def raised(self, trace, spike, ctx):
        return trace + spike

    def emit(self, old, new, ctx):
        spike = dp.surrogates.Sigmoid()(new.V - 1.0)
        return TraceState((1.0 - spike) * new.V, self.raised(new.trace, spike, ctx), spike), spike


class NeverForgets(Traces):
    def decay(self, trace):
        return 0.0 * trace


class RemembersOnce(Traces):
    def decay(self, trace):
        return 0.0 * trace

    def raised(self, trace, spike, ctx):
        return jnp.maximum(trace, spike)


class CountsSteps(Traces):
    def raised(self, trace, spike, ctx):
        return trace + 20.0 * ctx.dt * spike


class Divides(Right):
    def vector_field(self, t, y, drive):
        x = (y.V - 0.5) / 1.0
        return State((drive(y.V) - y.V * x / jnp.expm1(x)) / self.tau)


class Synapse(dp.DynamicalSystem):
    """Events that decay, right; the faulty ones change one thing of it."""

    in_size = (3,)
    out_size = (3,)

    def init_state(self, ctx):
        return jnp.zeros(3, ctx.dtype)

    def update(self, state, x, ctx):
        if x.shape != (3,):
            raise dp.errors.ShapeError("three numbers are needed")
        g = state * jnp.exp(-ctx.dt / 5.0) + self.weighed(jnp.asarray(x, ctx.dtype), ctx)
        return g, dp.Drive(current=g)

    def weighed(self, x, ctx):
        return x


class DeliversByTheStep(Synapse):
    def weighed(self, x, ctx):
        return x / ctx.dt


class SaturatesThoughLinear(Synapse):
    linear = True

    def weighed(self, x, ctx):
        return jnp.tanh(x)


class TakesAnyEventAlike(Synapse):
    def weighed(self, x, ctx):
        return x + jax.lax.stop_gradient((x != 0).astype(x.dtype) - x)


def neuron(check, target):
    return {"check": check, "kind": "neuron", "target": target, "example": {"size": 3}, "alone": False}


def of(kind, check, target):
    return {"check": check, "kind": kind, "target": target, "alone": False}


FAULTS = [
    neuron("every_argument_matters", IgnoresAnArgument),
    neuron("every_array_gets_a_gradient", CutsTheGradient),
    neuron("gradients_match_differences", HalvesTheGradient),
    neuron("starts_at_any_time", ReadsTheClock),
    neuron("grid_equals_row", FavoursTheFirstUnit),
    neuron("constants_may_differ_by_unit", TakesTheMeanOfItsConstants),
    neuron("spikes_when_driven", NeverSpikes),
    neuron("puts_out_its_spikes", PutsOutThePotential),
    neuron("stays_bounded", NeverForgets),
    neuron("relaxes_after_a_drive", RemembersOnce),
    neuron("spikes_whatever_the_step", CountsSteps),
    neuron("has_no_singularity", Divides),
    of("synapse", "charge_whatever_the_step", DeliversByTheStep),
    of("synapse", "tells_weights_apart", TakesAnyEventAlike),
    of("synapse", "sums_events_if_it_says_so", SaturatesThoughLinear),
]
