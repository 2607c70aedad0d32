"""Systems given by an ordinary differential equation and by what happens at the end of a step."""

import dataclasses
from abc import abstractmethod
from typing import Any, ClassVar, get_origin

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optimistix
from jaxtyping import Array

from dynplug.core.context import Context
from dynplug.core.drive import Drive
from dynplug.core.system import DynamicalSystem
from dynplug.errors import IntegratorError, ShapeError

_DISCRETE = "dynplug.discrete"


def discrete() -> Any:
    """A field of a state that no solver integrates: a spike, a counter, a flag. It is `None` in a solver's `y`."""
    return eqx.field(default=None, metadata={_DISCRETE: True})


def ode(state: Any) -> Any:
    """The part of a state that a differential equation governs: the `y0` that `diffrax.diffeqsolve` takes."""
    gone = {f.name: None for f in dataclasses.fields(state) if f.metadata.get(_DISCRETE)}
    return dataclasses.replace(state, **gone)


class ODESystem(DynamicalSystem):
    """A system that integrates `vector_field` over each step and then applies `emit`.

    The same object is solved in continuous time by
    `diffeqsolve(ODETerm(system.vector_field), solver, t0, t1, dt0, ode(state), args=Drive(current))`.
    """

    size: eqx.AbstractVar[tuple[int, ...]]
    """The number of units, as a tuple."""

    integrator: eqx.AbstractVar[diffrax.AbstractSolver[Any]]
    """Any diffrax solver of ordinary differential equations; it makes one step of `ctx.dt`."""

    jump_to: ClassVar[str]
    """The variable that a drive's jump is added to."""

    @property
    def in_size(self) -> tuple[int, ...]:
        return self.size

    @property
    def out_size(self) -> tuple[int, ...]:
        return self.size

    @abstractmethod
    def vector_field(self, t: Any, y: Any, drive: Drive) -> Any:
        """The time derivative of `y`, a state whose discrete fields are `None` (diffrax's argument order) [per ms]."""

    @abstractmethod
    def receive(self, x: Any) -> Drive:
        """The input as a drive."""

    @abstractmethod
    def emit(self, old: Any, new: Any, ctx: Context) -> tuple[Any, Any]:
        """The state after thresholds and resets, and the output, from the states before and after integration."""

    def update(self, state: Any, x: Any, ctx: Context) -> tuple[Any, Any]:
        potential = getattr(state, self.jump_to)
        drive = _fit(self.receive(x), potential, ctx)
        kick = drive.jump
        drive = Drive(drive.current, drive.conductance)
        new = _step(self.integrator, self.vector_field, ode(state), drive, ctx)
        if kick is not None:
            new = eqx.tree_at(lambda y: getattr(y, self.jump_to), new, getattr(new, self.jump_to) + kick)
        return self.emit(state, eqx.combine(new, state), ctx)


class Neuron(ODESystem):
    """An ODE system with a membrane potential `V`. A plain array as input is a current.

    Implementing one: a state class with a field `V`; `init_state`; `vector_field(t, y, drive)`, which reads the input
    as `drive(y.V)`; `emit(old, new, ctx)`; and a default for `integrator`.
    """

    jump_to: ClassVar[str] = "V"

    def receive(self, x: Any) -> Drive:
        return x if isinstance(x, Drive) else Drive(current=x)


class Synapse(ODESystem):
    """An ODE system driven by weighted presynaptic events, which are added to one variable once a step.

    Implementing one: as for a neuron; `jump_to` names the variable that an event raises, and `emit` gives the
    conductance to an output such as `CUBA` or `COBA`, which makes it a drive.
    """

    def receive(self, x: Any) -> Drive:
        if isinstance(x, Drive):
            raise ShapeError(
                "A synapse receives weighted events, an array, not a Drive: put it before, not after, another synapse."
            )
        return Drive(jump=x)


def _fit(drive: Drive, like: Array, ctx: Context) -> Drive:
    """The drive as arrays of the state's dtype, each of the state's shape or one number."""

    def fit(x: Any) -> Array:
        if jnp.shape(x) not in ((), like.shape):
            raise ShapeError(
                f"{ctx.path or 'The system'} has {like.shape} units and was given an input of shape {jnp.shape(x)}: "
                "give one value a unit, or one number for all."
            )
        return jnp.asarray(x, like.dtype)

    return jax.tree.map(fit, drive)


def _step(solver: Any, vector_field: Any, y: Any, drive: Drive, ctx: Context) -> Any:
    """One step of `ctx.dt`, in a time that starts at zero: `t1 - t0` would lose digits late in a run.

    The solver starts afresh each step, because the drive, and after a spike the state, have just changed: what a
    first-same-as-last solver remembers is stale. A step whose implicit equations were not solved gives NaN.
    """
    solver = _for_fixed_steps(solver, ctx)
    term = diffrax.ODETerm(lambda t, y, drive: vector_field(ctx.t + t, y, drive))
    t0, t1 = jnp.zeros((), ctx.dtype), jnp.asarray(ctx.dt, ctx.dtype)
    memory = solver.init(term, t0, t1, y, drive)
    y1, _, _, _, result = solver.step(term, t0, t1, y, drive, memory, jnp.asarray(False))
    if isinstance(solver, diffrax.AbstractImplicitSolver):
        solved = result == diffrax.RESULTS.successful
        y1 = jax.tree.map(lambda v: jnp.where(solved, v, np.nan), y1)
    return y1


def _for_fixed_steps(solver: Any, ctx: Context) -> Any:
    """A solver that makes every step it is told to make.

    diffrax's chord method reports divergence early, counting on a smaller step, and takes its tolerances from a step
    size controller. Neither is there: Newton's method takes its place, with tolerances that the dtype can meet.
    """
    structure = get_origin(solver.term_structure) or solver.term_structure
    if not (isinstance(structure, type) and issubclass(diffrax.ODETerm, structure)):
        raise IntegratorError(
            f"{ctx.path or 'This system'} is one plain ODE, and {type(solver).__name__} integrates "
            "split or stochastic ones: choose another solver, for example diffrax.Tsit5()."
        )
    if not isinstance(solver, diffrax.AbstractImplicitSolver) or not isinstance(solver.root_finder, diffrax.VeryChord):
        return solver
    least, usual = (1e-3, 1e-3) if jnp.finfo(ctx.dtype).bits <= 32 else (1e-12, 1e-6)
    given = (solver.root_finder.rtol, solver.root_finder.atol)
    rtol, atol = (max(tol, least) if isinstance(tol, (int, float)) else usual for tol in given)
    return eqx.tree_at(lambda s: s.root_finder, solver, optimistix.Newton(rtol, atol))
