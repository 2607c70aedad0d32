"""One step of a diffrax solver, and the mean of the solution over it."""

from abc import abstractmethod
from collections.abc import Iterable
from itertools import islice
from typing import get_origin

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optimistix
from jaxtyping import Array, PyTree

from dynplug.core.context import Context
from dynplug.core.drive import Drive
from dynplug.core.uncompiled import to_jax
from dynplug.core.vector_field import VectorField
from dynplug.errors import IntegratorError

Solver = diffrax.AbstractSolver
_STAGES = 7  # of Tsit5 and Dopri5; chosen, as each stage takes its time to compile


class AveragingSolver(diffrax.AbstractSolver):
    """A solver that knows the mean of its solution over a step better than a quadrature of its own order."""

    @abstractmethod
    def mean(self, terms: PyTree, t0: Array, t1: Array, y0: PyTree, args: PyTree) -> PyTree:
        """The mean of the solution from `t0` to `t1`, in the form of `y0`."""


def step(solver: Solver, vector_field: VectorField, y: PyTree, drive: Drive, ctx: Context) -> PyTree:
    """One step of `ctx.dt`, in a time that starts at zero: `t1 - t0` would lose digits late in a run.

    The solver restarts at each step, because the drive, and after a spike the state, have just changed: the stage that
    a first-same-as-last solver reuses would be stale. A step whose implicit equations were not solved gives NaN.
    """
    solver = _for_fixed_steps(solver, ctx)
    term, t0, t1 = _problem(vector_field, ctx)
    if (tableau := _written_out(solver)) is not None:
        return _explicit_step(tableau, term.vector_field, t1, y, drive)
    memory = solver.init(term, t0, t1, y, drive)
    y1, _, _, _, result = solver.step(term, t0, t1, y, drive, memory, to_jax(np.asarray(False)))
    if isinstance(solver, diffrax.AbstractImplicitSolver):
        solved = result == diffrax.RESULTS.successful
        y1 = jax.tree.map(lambda v: jnp.where(solved, v, np.nan), y1)
    return y1


def _written_out(solver: Solver) -> diffrax.ButcherTableau | None:
    """The tableau of an explicit Runge-Kutta method with few enough stages that each is compiled by itself.

    diffrax runs the stages as a loop with a derivative rule of its own, which the compiler of the time loop can neither
    split nor make a kernel of, and which has no forward mode.
    """
    if not isinstance(solver, diffrax.AbstractERK) or type(solver).step is not diffrax.AbstractERK.step:
        return None
    tableau = solver.tableau
    if not isinstance(tableau, diffrax.ButcherTableau) or solver.scan_kind is not None:
        return None
    return tableau if len(tableau.b_sol) <= _STAGES else None


def _explicit_step(tableau: diffrax.ButcherTableau, field: VectorField, h: Array, y: PyTree, drive: Drive) -> PyTree:
    """A step of length `h` by the coefficients of a tableau."""

    def reached(weights: Iterable[float]) -> PyTree:
        terms = [(float(w), k) for w, k in zip(weights, slopes, strict=False) if w]
        if not terms:
            return y
        ws, ks = zip(*terms, strict=True)
        return jax.tree.map(lambda v, *at: v + h * sum(w * k for w, k in zip(ws, at, strict=True)), y, *ks)

    # The last stage of many methods serves their error estimate alone.
    slopes: list[PyTree] = []
    stages = zip((0.0, *tableau.c), ((), *tableau.a_lower), tableau.b_sol, strict=True)
    last = max(n for n, b in enumerate(tableau.b_sol) if b)
    for c, a, _ in islice(stages, last + 1):
        slopes.append(field(float(c) * h, reached(a), drive))
    return reached(tableau.b_sol)


def step_and_mean(
    solver: Solver, vector_field: VectorField, y: PyTree, drive: Drive, ctx: Context
) -> tuple[PyTree, PyTree]:
    r"""As `step`, with the mean of the solution over the step.

    A solver that does not know the mean integrates it beside the rest: $d\bar y / dt = y / h$ over a step of $h$.
    """
    if isinstance(solver, AveragingSolver):
        term, t0, t1 = _problem(vector_field, ctx)
        return step(solver, vector_field, y, drive, ctx), solver.mean(term, t0, t1, y, drive)

    def with_mean(t: Array | float, y: PyTree, drive: Drive) -> PyTree:
        return vector_field(t, y[0], drive), jax.tree.map(lambda v: v * (1.0 / ctx.dt), y[0])

    return step(solver, with_mean, (y, jax.tree.map(jnp.zeros_like, y)), drive, ctx)


def _problem(vector_field: VectorField, ctx: Context) -> tuple[diffrax.ODETerm, Array, Array]:
    term = diffrax.ODETerm(lambda t, y, drive: vector_field(ctx.t + t, y, drive))
    return term, to_jax(np.zeros((), ctx.dtype)), to_jax(np.asarray(ctx.dt, ctx.dtype))


def _for_fixed_steps(solver: Solver, ctx: Context) -> Solver:
    """The solver, adapted to fixed steps.

    diffrax's chord methods report divergence early, expecting a smaller step, and take their tolerances from a step
    size controller. There is neither: Newton's method takes their place, with tolerances that the dtype can meet.
    """
    if isinstance(solver, diffrax.LeapfrogMidpoint):
        raise IntegratorError(
            f"{ctx.path or 'This system'}: LeapfrogMidpoint goes on from the step before, and each step here starts "
            "anew, as the drive has changed: it would be Euler's method. Choose another, such as diffrax.Midpoint()."
        )
    structure = get_origin(solver.term_structure) or solver.term_structure
    if not (isinstance(structure, type) and issubclass(diffrax.ODETerm, structure)):
        raise IntegratorError(
            f"{ctx.path or 'This system'} is one plain ODE, and {type(solver).__name__} integrates "
            "split or stochastic ones: choose another solver, for example diffrax.Tsit5()."
        )
    if not isinstance(solver, diffrax.AbstractImplicitSolver):
        return solver
    finder = solver.root_finder
    given = [getattr(finder, name, 0.0) for name in ("rtol", "atol")]
    if all(isinstance(tol, (int, float)) for tol in given) and not isinstance(finder, diffrax.VeryChord):
        return solver
    least, usual = (1e-3, 1e-3) if jnp.finfo(ctx.dtype).bits <= 32 else (1e-12, 1e-6)
    rtol, atol = (max(tol, least) if isinstance(tol, (int, float)) else usual for tol in given)
    return eqx.tree_at(lambda s: s.root_finder, solver, optimistix.Newton(rtol, atol))
