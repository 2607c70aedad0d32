"""Checks of integrators, on one neuron of a smooth nonlinear equation."""

from functools import cache
from itertools import pairwise
from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from scipy.integrate import solve_ivp

from dynplug.core import AveragingSolver, Context, Drive, Neuron
from dynplug.testing.compare import close, demand
from dynplug.testing.odes import SLACK
from dynplug.testing.stepping import run, start, step
from dynplug.testing.subject import UNITS, Skip, Subject

_DURATION, _ANGLE, _DAMPING = 4.0, 1.0, 0.2
_PERIOD, _SPEED = 2.0, 0.7
_COUNTS = np.array([5, 10, 20, 40, 80])
_LENGTHS = 0.8 / 2.0 ** np.arange(5)
_EXACT = 1e-11  # an error below this is rounding


class PendulumState(eqx.Module):
    """Angle `V` and speed `w`."""

    V: Array
    w: Array


class Pendulum(Neuron):
    """A damped pendulum, pushed: smooth, nonlinear, and of two variables. Each unit has a speed of its own."""

    size: tuple[int, ...] = eqx.field(static=True)
    integrator: diffrax.AbstractSolver
    speed: Array | float = 1.0

    def init_state(self, ctx: Context) -> PendulumState:
        return PendulumState(jnp.full(self.size, _ANGLE, ctx.dtype), jnp.zeros(self.size, ctx.dtype))

    def vector_field(self, t: Any, y: PendulumState, drive: Drive) -> PendulumState:
        w = -jnp.sin(y.V) - _DAMPING * y.w + drive(y.V)
        return PendulumState(self.speed * y.w, self.speed * w)

    def emit(self, old: PendulumState, new: PendulumState, ctx: Context) -> tuple[PendulumState, Array]:
        return new, new.V


class Forced(Neuron):
    """A variable that is moved by the time alone. Each unit has a speed of its own."""

    size: tuple[int, ...] = eqx.field(static=True)
    integrator: diffrax.AbstractSolver
    speed: Array | float = 1.0

    def init_state(self, ctx: Context) -> PendulumState:
        return PendulumState(jnp.full(self.size, _ANGLE, ctx.dtype), jnp.zeros(self.size, ctx.dtype))

    def vector_field(self, t: Any, y: PendulumState, drive: Drive) -> PendulumState:
        return PendulumState(self.speed * jnp.cos(self.speed * t) + 0.0 * y.V, jnp.zeros_like(y.w))

    def emit(self, old: PendulumState, new: PendulumState, ctx: Context) -> tuple[PendulumState, Array]:
        return new, new.V


def has_its_order(subject: Subject) -> None:
    """The error falls with the step as the declared `order` says."""
    with jax.enable_x64(True):
        solver = subject.make()
        order = solver.order(diffrax.ODETerm(lambda t, y, args: y))
        demand(isinstance(order, int), f"`order` is {order!r}: give a whole number.")
        pendulum = Pendulum((len(_COUNTS),), solver, jnp.asarray(_DURATION / _COUNTS))
        _, (states, _) = run(pendulum, np.zeros((max(_COUNTS), len(_COUNTS))), None, 1.0)
    at, unit = _COUNTS - 1, np.arange(len(_COUNTS))
    ends = np.stack([np.asarray(states.V)[at, unit], np.asarray(states.w)[at, unit]])
    _demand_order(np.max(np.abs(ends - _solution()[:, None]), axis=0), order, "of a pendulum")


def _demand_order(errors: np.ndarray, order: int, of: str) -> None:
    seen = [(coarse, fine) for coarse, fine in pairwise(errors) if fine > _EXACT]
    told = f"The errors {of}, with steps of half the length each time, are {[f'{e:.1e}' for e in errors]}"
    demand(seen or errors[-1] <= _EXACT, f"{told}.")
    fitted = np.log2(seen[-1][0] / seen[-1][1]) if seen else np.inf
    demand(fitted >= order - SLACK, f"{told}: they fall with order {fitted:.2f}, but `order` says {order}.")


def reads_the_time(subject: Subject) -> None:
    """Where the equation depends on time alone, the solution is its integral, to the declared order."""
    with jax.enable_x64(True):
        solver = subject.make()
        order = solver.order(diffrax.ODETerm(lambda t, y, args: y))
        forced = Forced((len(_COUNTS),), solver, jnp.asarray(_PERIOD / _COUNTS))
        _, (states, _) = run(forced, np.zeros((max(_COUNTS), len(_COUNTS))), None, 1.0)
    ends = np.asarray(states.V)[_COUNTS - 1, np.arange(len(_COUNTS))]
    errors = np.abs(ends - (_ANGLE + np.sin(_PERIOD)))
    _demand_order(errors, order, "in integrating the cosine of the time")


def averages_the_step(subject: Subject) -> None:
    """A solver that gives the mean over a step of its own gives it as well as its order says."""
    solver = subject.instance
    if not isinstance(solver, AveragingSolver):
        raise Skip("the mean over a step is not its own")
    with jax.enable_x64(True):
        solver = subject.make()
        order = solver.order(diffrax.ODETerm(lambda t, y, args: y))

        moving = PendulumState(jnp.asarray(_ANGLE), jnp.asarray(_SPEED))

        @jax.jit
        @jax.vmap
        def found(length: Any) -> Any:
            one = Pendulum((), solver, length)
            term = diffrax.ODETerm(lambda t, y, args: one.vector_field(t, y, Drive(jnp.zeros(()))))
            return solver.mean(term, jnp.zeros(()), jnp.ones(()), moving, None).V

        means = np.asarray(found(jnp.asarray(_LENGTHS)))
    _demand_order(np.abs(means - [_mean_angle(length) for length in _LENGTHS]), order + 1, "of the mean over a step")


def steps_in_both_precisions(subject: Subject) -> None:
    """A step keeps single precision single, and double double."""
    for double in (False, True):
        with jax.enable_x64(double):
            pendulum = Pendulum((UNITS,), subject.make())
            state = start(pendulum)
            after, _ = eqx.filter_eval_shape(lambda p=pendulum, s=state: step(p, s, jnp.zeros(UNITS)))
            found = {a.dtype for a in jax.tree.leaves(after)}
            demand(found == {state.V.dtype}, f"A step in {state.V.dtype} gives {sorted(map(str, found))}.")


def gradients_flow(subject: Subject) -> None:
    """The gradient of a step equals differences, so that systems with this integrator can be trained."""
    with jax.enable_x64(True):
        pendulum = Pendulum((1,), subject.make())
        state = start(pendulum)

        @jax.jit
        @jax.value_and_grad
        def end(push: Any) -> Any:
            return step(pendulum, state, push[None], dt=0.1)[0].w[0]

        (_, slope), (above, _), (below, _) = (end(jnp.asarray(0.3 + by)) for by in (0.0, 1e-4, -1e-4))
        close(slope, (above - below) / 2e-4, "the gradient of a step, and the difference")


@cache
def _solution() -> np.ndarray:
    def derivative(t: float, y: np.ndarray) -> list[float]:
        return [y[1], -np.sin(y[0]) - _DAMPING * y[1]]

    solved = solve_ivp(derivative, (0.0, _DURATION), [_ANGLE, 0.0], method="DOP853", rtol=1e-13, atol=1e-14)
    return solved.y[:, -1]


def _mean_angle(length: float) -> float:
    """The mean of the angle over the first `length`."""
    solved = solve_ivp(
        lambda t, y: [y[1], -np.sin(y[0]) - _DAMPING * y[1], y[0] / length],
        (0.0, length),
        [_ANGLE, _SPEED, 0.0],
        method="DOP853",
        rtol=1e-13,
        atol=1e-14,
    )
    return float(solved.y[2, -1])
