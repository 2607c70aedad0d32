"""Checks of integrators, on a neuron with a smooth nonlinear equation."""

from collections.abc import Callable
from functools import cache
from itertools import pairwise

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array
from scipy.integrate import solve_ivp

from dynplug.core import Context, Drive, Neuron
from dynplug.testing.demands import close, demand
from dynplug.testing.odes import SLACK
from dynplug.testing.stepping import run, start, step
from dynplug.testing.subject import UNITS, Subject

_DURATION, _ANGLE, _DAMPING = 4.0, 1.0, 0.2
_PERIOD, _SPEED = 2.0, 0.7
_COUNTS = np.array([5, 10, 20, 40, 80])
_LENGTHS = 0.8 / 2.0 ** np.arange(5)
_EXACT = 1e-11  # an error below this is rounding


class State(eqx.Module):
    """Two variables, `V` and `w`."""

    V: Array
    w: Array


class Moved(Neuron):
    """Two variables driven by a function of time, state and input. Each unit has its own speed."""

    size: tuple[int, ...] = eqx.field(static=True)
    integrator: diffrax.AbstractSolver
    by: Callable[[ArrayLike, State, Array], tuple[Array, Array]] = eqx.field(static=True)
    speed: Array | float = 1.0

    def init_state(self, ctx: Context) -> State:
        return State(jnp.full(self.size, _ANGLE, ctx.dtype), jnp.zeros(self.size, ctx.dtype))

    def vector_field(self, t: ArrayLike, y: State, drive: Drive) -> State:
        dV, dw = self.by(self.speed * t, y, drive(y.V))
        return State(self.speed * dV, self.speed * dw)

    def emit(self, old: State, new: State, ctx: Context) -> tuple[State, Array]:
        return new, new.V


def _pendulum(t: ArrayLike, y: State, push: Array) -> tuple[Array, Array]:
    """A damped, driven pendulum: smooth, nonlinear, with two variables, the angle and its speed."""
    return y.w, -jnp.sin(y.V) - _DAMPING * y.w + push


def _forced(t: ArrayLike, y: State, push: Array) -> tuple[Array, Array]:
    """A system driven by time alone."""
    return jnp.cos(t) + 0.0 * y.V, jnp.zeros_like(y.w)


def has_its_order(subject: Subject) -> None:
    """The error decreases with the step at the declared `order`."""
    with jax.enable_x64(True):
        solver = subject.make()
        order = solver.order(diffrax.ODETerm(lambda t, y, args: y))
        demand(isinstance(order, int), f"`order` is {order!r}: give a whole number.")
        pendulum = Moved((len(_COUNTS),), solver, _pendulum, jnp.asarray(_DURATION / _COUNTS))
        _, (states, _) = run(pendulum, np.zeros((max(_COUNTS), len(_COUNTS))), None, 1.0)
    at, unit = _COUNTS - 1, np.arange(len(_COUNTS))
    ends = np.stack([np.asarray(states.V)[at, unit], np.asarray(states.w)[at, unit]])
    _demand_order(np.max(np.abs(ends - _solution(_DURATION)[:2, None]), axis=0), order, "of a pendulum")


def _demand_order(errors: np.ndarray, order: int, of: str) -> None:
    seen = [(coarse, fine) for coarse, fine in pairwise(errors) if fine > _EXACT]
    told = f"The errors {of}, with steps of half the length each time, are {[f'{e:.1e}' for e in errors]}"
    demand(seen or errors[-1] <= _EXACT, f"{told}.")
    fitted = np.log2(seen[-1][0] / seen[-1][1]) if seen else np.inf
    demand(fitted >= order - SLACK, f"{told}: they fall with order {fitted:.2f}, but `order` says {order}.")


def reads_the_time(subject: Subject) -> None:
    """If the equation depends on time alone, the solution is its integral, to the declared order."""
    with jax.enable_x64(True):
        solver = subject.make()
        order = solver.order(diffrax.ODETerm(lambda t, y, args: y))
        forced = Moved((len(_COUNTS),), solver, _forced, jnp.asarray(_PERIOD / _COUNTS))
        _, (states, _) = run(forced, np.zeros((max(_COUNTS), len(_COUNTS))), None, 1.0)
    ends = np.asarray(states.V)[_COUNTS - 1, np.arange(len(_COUNTS))]
    errors = np.abs(ends - (_ANGLE + np.sin(_PERIOD)))
    _demand_order(errors, order, "in integrating the cosine of the time")


def averages_the_step(subject: Subject) -> None:
    """A solver that computes the mean over a step does so to its declared order."""
    with jax.enable_x64(True):
        solver = subject.make()
        order = solver.order(diffrax.ODETerm(lambda t, y, args: y))
        moving = State(jnp.asarray(_ANGLE), jnp.asarray(_SPEED))

        @jax.jit
        @jax.vmap
        def found(length: Array) -> Array:
            one = Moved((), solver, _pendulum, length)
            term = diffrax.ODETerm(lambda t, y, args: one.vector_field(t, y, Drive(jnp.zeros(()))))
            return solver.mean(term, jnp.zeros(()), jnp.ones(()), moving, None).V

        means = np.asarray(found(jnp.asarray(_LENGTHS)))
    wanted = [_solution(length, _SPEED)[2] / length for length in _LENGTHS]
    _demand_order(np.abs(means - wanted), order + 1, "of the mean over a step")


def steps_in_both_precisions(subject: Subject) -> None:
    """A step preserves single and double precision."""
    for double in (False, True):
        with jax.enable_x64(double):
            pendulum = Moved((UNITS,), subject.make(), _pendulum)
            state = start(pendulum)
            after, _ = eqx.filter_eval_shape(lambda p=pendulum, s=state: step(p, s, jnp.zeros(UNITS)))
            found = {a.dtype for a in jax.tree.leaves(after)}
            demand(found == {state.V.dtype}, f"A step in {state.V.dtype} gives {sorted(map(str, found))}.")


def gradients_flow(subject: Subject) -> None:
    """The gradient of a step equals finite differences, so that systems with this integrator can be trained."""
    with jax.enable_x64(True):
        pendulum = Moved((1,), subject.make(), _pendulum)
        state = start(pendulum)

        @jax.jit
        @jax.value_and_grad
        def end(push: Array) -> Array:
            return step(pendulum, state, push[None], dt=0.1)[0].w[0]

        (_, slope), (above, _), (below, _) = (end(jnp.asarray(0.3 + by)) for by in (0.0, 1e-4, -1e-4))
        close(slope, (above - below) / 2e-4, "the gradient of a step, and the difference")


@cache
def _solution(duration: float, speed: float = 0.0) -> np.ndarray:
    """The pendulum's angle, its speed, and the integral of its angle, at the end."""

    def derivative(t: float, y: np.ndarray) -> list[float]:
        return [y[1], -np.sin(y[0]) - _DAMPING * y[1], y[0]]

    start = [_ANGLE, speed, 0.0]
    return solve_ivp(derivative, (0.0, duration), start, method="DOP853", rtol=1e-13, atol=1e-14).y[:, -1]
