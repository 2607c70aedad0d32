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

from dynplug.core import Context, Drive, Neuron
from dynplug.testing.compare import close, demand
from dynplug.testing.odes import SLACK
from dynplug.testing.stepping import run, start, step
from dynplug.testing.subject import UNITS, Subject

_DURATION, _ANGLE, _DAMPING = 4.0, 1.0, 0.2
_COUNTS = np.array([5, 10, 20, 40, 80])
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
    errors = np.max(np.abs(ends - _solution()[:, None]), axis=0)
    seen = [(coarse, fine) for coarse, fine in pairwise(errors) if fine > _EXACT]
    told = f"The errors with {_COUNTS.tolist()} steps are {[f'{e:.1e}' for e in errors]}"
    demand(seen or errors[-1] <= _EXACT, f"{told}.")
    fitted = np.log2(seen[-1][0] / seen[-1][1]) if seen else np.inf
    demand(fitted >= order - SLACK, f"{told}: they fall with order {fitted:.2f}, but `order` says {order}.")


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
