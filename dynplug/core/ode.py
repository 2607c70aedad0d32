"""Systems defined by an ordinary differential equation and by what happens at the end of a step."""

import dataclasses
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, PyTree

from dynplug.core.computed_once import computed_once
from dynplug.core.context import Context
from dynplug.core.drive import Drive
from dynplug.core.holding import holding, refractory
from dynplug.core.sized import Sized
from dynplug.core.solving import step, step_and_mean
from dynplug.core.step_results import state_and_output
from dynplug.core.vector_field import checked
from dynplug.errors import CompositionError, ShapeError

DISCRETE = "dynplug.discrete"


def discrete() -> Any:
    """A field of a state that no solver integrates: a spike, a counter, a flag. It is `None` in a solver's `y`.

    ```python
    class State(eqx.Module):
        V: jax.Array
        spike: jax.Array | None = dp.discrete()

    state = State(jnp.zeros(2), jnp.ones(2))
    assert dp.continuous(state).spike is None     # what a solver sees
    ```
    """
    return eqx.field(default=None, metadata={DISCRETE: True})


def continuous(state: PyTree) -> PyTree:
    """The part of a state that a differential equation governs: the `y0` that `diffrax.diffeqsolve` takes.

    ```python
    lif = dp.neurons.LIF(2)
    state = lif.init_state(dp.Context(dt=0.1))
    y0 = dp.continuous(state)
    assert y0.V.shape == (2,) and y0.spike is None and state.spike is not None
    ```
    """
    gone = {f.name: None for f in dataclasses.fields(state) if f.metadata.get(DISCRETE)}
    return dataclasses.replace(state, **gone)


class ODESystem(Sized):
    """A system that integrates `vector_field` over each step and then applies `emit`: a `Neuron` or a `Synapse`.

    The same object is solved in continuous time by
    `diffeqsolve(ODETerm(system.vector_field), solver, t0, t1, dt0, continuous(state), args=Drive(current))`.

    ```python
    lif = dp.neurons.LIF(1, tau=10.0)
    start = dp.continuous(lif.init_state(dp.Context(dt=0.1)))
    term, current = diffrax.ODETerm(lif.vector_field), dp.Drive(current=0.5)
    solved = diffrax.diffeqsolve(term, diffrax.Heun(), 0.0, 10.0, 0.1, start, args=current)     # without spikes
    assert np.isclose(solved.ys.V[-1, 0], 0.5 * (1 - np.exp(-1)), atol=1e-4)
    ```
    """

    integrator: eqx.AbstractVar[diffrax.AbstractSolver]
    """Any diffrax solver of ordinary differential equations; it makes one step of `ctx.dt`."""

    jump_to: ClassVar[str]
    """The variable that a drive's jump is added to."""

    equations: ClassVar[Mapping[str, str]] = {}
    """The time derivative of each variable as published, in variables, parameters and the current `I`.

    The conformance suite compares `vector_field` with this text, and `dynplug info` shows it. Nothing else reads it.
    """

    definitions: ClassVar[Mapping[str, str]] = {}
    """The quantities that `equations` use, also as text."""

    starts_at: ClassVar[Mapping[str, str]] = {}
    """The initial value of each variable, also as text; a line may use the variables of the lines before it."""

    @abstractmethod
    def vector_field(self, t: ArrayLike, y: PyTree, drive: Drive) -> PyTree:
        """The time derivative of `y`, a state whose discrete fields are `None` (diffrax's argument order) [per ms]."""

    @abstractmethod
    def receive(self, x: PyTree) -> Drive:
        """The input as a drive."""

    @abstractmethod
    def emit(self, old: PyTree, new: PyTree, ctx: Context) -> tuple[PyTree, PyTree]:
        """The state after thresholds and resets, and the output, from the states before and after integration."""


class Neuron(ODESystem):
    """An ODE system with a membrane potential `V`. A plain array as input is a current.

    Currents and conductances are held over the step; a jump is added at its end, before the threshold is applied.

    While a unit is refractory, its `V` does not change, and jumps are lost; other variables go on. It is as long as the
    field `refractory` of its state (an integer, `dp.discrete()`, the number of steps left) is not zero.

    Implementing one: a state class with a field `V`; `init_state`; `vector_field(t, y, drive)`, which reads the input
    as `drive(y.V)`; `emit(old, new, ctx)`; and a default for `integrator`.

    ```python
    class State(eqx.Module):
        V: jax.Array
        spike: jax.Array | None = dp.discrete()

    class QIF(dp.Neuron):     # quadratic integrate-and-fire: tau dV/dt = V^2 + I
        size: tuple[int, ...] = eqx.field(static=True, converter=dp.as_size)
        tau: dp.Parameter = dp.param(10.0, positive=True)     # [ms]
        surrogate: dp.surrogates.Surrogate = dp.surrogates.SuperSpike(1.0)
        integrator: diffrax.AbstractSolver = diffrax.Heun()

        def init_state(self, ctx):
            return State(jnp.full(self.size, -1.0, ctx.dtype), jnp.zeros(self.size, ctx.dtype))

        def vector_field(self, t, y, drive):
            return State((y.V**2 + drive(y.V)) / self.tau)

        def emit(self, old, new, ctx):
            spike = self.surrogate(new.V - 5.0)
            return State((1.0 - spike) * new.V - 5.0 * spike, spike), spike

    _, spikes = dp.LoopOverTime(QIF(4), dt=0.1)(jnp.full((1000, 4), 2.0))
    ```
    """

    jump_to: ClassVar[str] = "V"

    potential: ClassVar[str] = "V"
    """The variable at which the drive is read, `drive(y.V)`, and by which couplings see a unit: in place of a potential
    others have a rate or a phase."""

    circular: ClassVar[bool] = False
    """Whether this variable is a phase, which comes round, so that no conductance can act on it."""

    spikes_if: ClassVar[str] = ""
    """The condition of a spike, also as text: `V >= V_th`. Variables are those that integration and jumps lead to; `V`
    before the step is `V_before`."""

    on_spike: ClassVar[Mapping[str, str]] = {}
    """The values to which a spike sets variables, also as text; the others are unchanged."""

    def receive(self, x: PyTree) -> Drive:
        drive = x if isinstance(x, Drive) else Drive(current=x)
        if self.circular and drive.conductance is not None:
            raise CompositionError(
                f"{type(self).__name__} was given a conductance, as of a COBA synapse, a gap junction or a diffusive "
                "coupling, but its variable is a phase and no potential: couple it by dp.Coupling(..., form='sine')."
            )
        return drive

    def update(self, state: PyTree, x: PyTree, ctx: Context) -> tuple[PyTree, PyTree]:
        drive = _fit(self.receive(x), getattr(state, self.jump_to), ctx)
        held, jump, old = refractory(state), drive.jump, continuous(state)
        if held is not None and jump is not None:
            jump = jnp.where(held, jnp.zeros_like(jump), jump)
        new = self._integrated(old, held, Drive(drive.current, drive.conductance), ctx)
        made = self.emit(state, eqx.combine(computed_once(_jump(new, self.jump_to, jump)), state), ctx)
        return state_and_output(made, self, "emit", ctx)

    def _integrated(self, old: PyTree, held: Bool[Array, "*size"] | None, drive: Drive, ctx: Context) -> PyTree:
        """The variables at the end of a step, without jumps."""
        field = checked(self.vector_field, ctx.path or type(self).__name__)
        if held is None:
            return step(self.integrator, field, old, drive, ctx)
        if len(jax.tree.leaves(old)) == 1:
            # No other variable sees the potential, so that it need not be held within the step. The coefficients of
            # its equation then do not depend on who is refractory, and exponentials of them are computed once.
            new = step(self.integrator, field, old, drive, ctx)
            return jax.tree.map(lambda a, b: jnp.where(held, a, b), old, new)
        return step(self.integrator, holding(field, self.jump_to, held), old, drive, ctx)


class Synapse(ODESystem):
    """An ODE system driven by weighted presynaptic events, which are added to one variable at the start of a step.

    Its output is that of the mean of its state over the step, not of the state at its end: a target that holds it over
    the step receives the charge given by the equation, at any `dt`.

    Implementing one: as for a neuron; `jump_to` names the variable that an event raises, and `emit(old, new, ctx)`
    gives the conductance to an output such as `CUBA` or `COBA`, which turns it into a drive. `emit` is called with the
    state at the end of the step for the next state, and with the step's mean as `new` for the drive.

    ```python
    class State(eqx.Module):
        g: jax.Array

    class Decay(dp.Synapse):     # an exponentially decaying conductance: tau dg/dt = -g
        jump_to = "g"
        size: tuple[int, ...] = eqx.field(static=True, converter=dp.as_size)
        tau: dp.Parameter = dp.param(5.0, positive=True)     # [ms]
        integrator: diffrax.AbstractSolver = dp.integrators.ExponentialEuler()

        def init_state(self, ctx):
            return State(jnp.zeros(self.size, ctx.dtype))

        def vector_field(self, t, y, drive):
            return State(-y.g / self.tau)

        def emit(self, old, new, ctx):
            return new, dp.Drive(current=new.g)

    _, spikes = dp.LoopOverTime(Decay(2) >> dp.neurons.LIF(2), dt=0.1)(jnp.ones((50, 2)))
    ```
    """

    linear: ClassVar[bool] = False
    """Whether a sum of events gives the sum of states and drives, so that projections may share a synapse."""

    on_event: ClassVar[Mapping[str, str]] = {}
    """The values to which an event of weight `w` sets variables, also as text; the others are unchanged."""

    def receive(self, x: PyTree) -> Drive:
        if isinstance(x, Drive):
            raise ShapeError(
                "A synapse receives weighted events, an array, not a Drive: put it before another synapse, not after."
            )
        return Drive(jump=x)

    def update(self, state: PyTree, x: PyTree, ctx: Context) -> tuple[PyTree, PyTree]:
        events = _fit(self.receive(x), getattr(state, self.jump_to), ctx).jump
        start = computed_once(_jump(continuous(state), self.jump_to, events))
        field = checked(self.vector_field, ctx.path or type(self).__name__)
        end, mean = step_and_mean(self.integrator, field, start, Drive(), ctx)
        new, _ = state_and_output(self.emit(state, eqx.combine(end, state), ctx), self, "emit", ctx)
        _, out = self.emit(state, eqx.combine(mean, state), ctx)
        return new, out


def _fit(drive: Drive, like: Array, ctx: Context) -> Drive:
    """The drive as arrays of the state's dtype, each a scalar or of the state's shape."""

    def fit(x: ArrayLike) -> Array:
        if jnp.shape(x) not in ((), like.shape):
            raise ShapeError(
                f"{ctx.path or 'The system'} has {like.shape} units, but was given an input of shape {jnp.shape(x)}: "
                "give one value per unit, or one number for all."
            )
        return jnp.asarray(x, like.dtype)

    return jax.tree.map(fit, drive)


def _jump(y: PyTree, name: str, by: ArrayLike | None) -> PyTree:
    return y if by is None else eqx.tree_at(lambda y: getattr(y, name), y, getattr(y, name) + by)
