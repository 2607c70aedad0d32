"""Components that do something else than the text beside them says."""

from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp

import dynplug as dp


class State(eqx.Module):
    """Potential `V` [mV] and the last spike."""

    V: jax.Array
    spike: Any = dp.discrete()


class Right(dp.Neuron):
    """A leaky integrate-and-fire neuron that does what it says; the faulty ones do one thing else.

    **Arguments:**

    - `size`: the number of units.
    - `tau`: membrane time constant [ms].
    - `R`: resistance [MΩ].
    - `V_rest`: potential at rest [mV].
    - `V_reset`: potential after a spike [mV].
    - `V_th`: threshold [mV].
    - `surrogate`: the derivative of the spike.
    - `integrator`: a diffrax solver.
    """

    size: tuple[int, ...] = eqx.field(static=True, converter=dp.as_size)
    tau: dp.Parameter = dp.param(10.0, positive=True)
    R: dp.Parameter = dp.param(1.0)
    V_rest: dp.Parameter = dp.param(-0.1)
    V_reset: dp.Parameter = dp.param(-0.2)
    V_th: dp.Parameter = dp.param(1.0)
    surrogate: dp.surrogates.Surrogate = dp.surrogates.Sigmoid()
    integrator: Any = dp.integrators.ExponentialEuler()

    equations: ClassVar = {"V": "(V_rest - V + R * I) / tau"}
    starts_at: ClassVar = {"V": "V_rest"}
    spikes_if: ClassVar = "V >= V_th"
    on_spike: ClassVar = {"V": "V_reset"}

    def init_state(self, ctx):
        V = jnp.broadcast_to(jnp.asarray(self.V_rest, ctx.dtype), self.size)
        return State(V, jnp.zeros_like(V))

    def vector_field(self, t, y, drive):
        return State((self.V_rest - y.V + self.R * drive(y.V)) / self.tau)

    def emit(self, old, new, ctx):
        spike = self.surrogate(new.V - self.V_th)
        return State((1.0 - spike) * new.V + spike * self.V_reset, spike), spike


class StartsAfterASpike(Right):
    __doc__ = Right.__doc__

    def init_state(self, ctx):
        V = jnp.broadcast_to(jnp.asarray(self.V_reset, ctx.dtype), self.size)
        return State(V, jnp.zeros_like(V))


class SpikesEarly(Right):
    __doc__ = Right.__doc__

    def emit(self, old, new, ctx):
        spike = self.surrogate(new.V - 0.9 * self.V_th)
        return State((1.0 - spike) * new.V + spike * self.V_reset, spike), spike


class ResetsToRest(Right):
    __doc__ = Right.__doc__

    def emit(self, old, new, ctx):
        spike = self.surrogate(new.V - self.V_th)
        return State((1.0 - spike) * new.V + spike * (self.V_rest + 0.5 * self.V_reset), spike), spike


class SynapseState(eqx.Module):
    """Current `g` [nA]."""

    g: jax.Array


class CountsEventsTwice(dp.Synapse):
    """A current that decays after each event.

    **Arguments:**

    - `size`: the number of targets.
    - `tau`: time constant [ms].
    - `integrator`: a diffrax solver.
    """

    size: tuple[int, ...] = eqx.field(static=True, converter=dp.as_size)
    tau: dp.Parameter = dp.param(5.0, positive=True)
    integrator: Any = dp.integrators.ExponentialEuler()
    jump_to: ClassVar[str] = "g"

    equations: ClassVar = {"g": "-g / tau"}
    on_event: ClassVar = {"g": "g + w"}

    def init_state(self, ctx):
        return SynapseState(jnp.zeros(self.size, ctx.dtype))

    def receive(self, x):
        return super().receive(2.0 * x)

    def vector_field(self, t, y, drive):
        return SynapseState(-y.g / self.tau)

    def emit(self, old, new, ctx):
        return new, dp.Drive(current=new.g)


class HalfAsWide(dp.surrogates.Surrogate):
    """One over a square.

    **Arguments:**

    - `beta`: the steepness [1/mV].
    """

    beta: dp.Parameter = dp.param(10.0, positive=True)

    equation: ClassVar = "1 / (1 + beta * abs(x))**2"

    def derivative(self, x):
        return 1.0 / (1.0 + 2.0 * self.beta * jnp.abs(x)) ** 2


class MeanIsTheEnd(dp.integrators.ExponentialEuler):
    def mean(self, terms, t0, t1, y0, args):
        return self.step(terms, t0, t1, y0, args, None, made_jump=False)[0]


def fault(kind, check, target, **example):
    return {"check": check, "kind": kind, "target": target, "example": example, "alone": False}


FAULTS = [
    fault("neuron", "starts_where_it_says", StartsAfterASpike, size=3),
    fault("neuron", "spikes_as_it_says", SpikesEarly, size=3),
    fault("neuron", "spikes_as_it_says", ResetsToRest, size=3),
    fault("synapse", "answers_events_as_it_says", CountsEventsTwice, size=3),
    fault("surrogate", "follows_its_equation", HalfAsWide),
    fault("integrator", "averages_the_step", MeanIsTheEnd),
]
