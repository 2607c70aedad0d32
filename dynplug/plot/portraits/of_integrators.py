"""An integrator: its error over the length of a step."""

from typing import Any

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, PyTree
from matplotlib.figure import Figure
from scipy.integrate import solve_ivp

from dynplug.plot.portraits.sitter import Sitter, panels

_END, _ANGLE, _DAMPING = 4.0, 1.0, 0.2
_COUNTS = 2 ** np.arange(2, 9)
_COARSE = 1  # the place of the step that is drawn
_ROUNDING = 1e-14


def integrator(sitter: Sitter, figure: Figure) -> None:
    """Above, a damped pendulum by 8 steps, and exactly; below, the error at its end over the step, and its order."""
    above, below = panels(figure, 2)
    lengths, solver = _END / _COUNTS, sitter.made
    exact = _exact()
    with jax.enable_x64(True):
        angles = np.asarray(jax.jit(jax.vmap(lambda h: _angles(solver, h)))(jnp.asarray(lengths)))
        order = solver.order(diffrax.ODETerm(_pendulum))
    ts = np.linspace(0.0, _END, 201)
    count = int(_COUNTS[_COARSE])
    above.plot(ts, exact.sol(ts)[0], color="0.6", label="exact")
    above.plot(
        np.linspace(0.0, _END, count + 1), angles[_COARSE, : count + 1], "o-", markersize=4, label=f"{count} steps"
    )
    above.set(xlabel="time [ms]", ylabel="angle [rad]")
    above.legend(frameon=False)
    errors = np.abs(angles[np.arange(len(_COUNTS)), _COUNTS] - exact.y[0, -1])
    for values, style, label in (
        (errors, {"marker": "o", "markersize": 4}, "error"),
        (errors[0] * (lengths / lengths[0]) ** order, {"color": "0.6", "linestyle": "--"}, f"order {order}"),
    ):
        shown = values > _ROUNDING
        below.loglog(lengths[shown], values[shown], label=label, **style)
    below.set(xlabel="step [ms]", ylabel="error [rad]")
    below.legend(frameon=False)


def _pendulum(t: ArrayLike, y: tuple[Array, Array], args: None) -> tuple[Array, Array]:
    angle, speed = y
    return speed, -jnp.sin(angle) - _DAMPING * speed


def _angles(solver: diffrax.AbstractSolver, step: Array) -> Array:
    """The angle at the start and after each of the most steps."""
    term = diffrax.ODETerm(_pendulum)
    first = jnp.asarray(_ANGLE), jnp.zeros(())

    def one(carry: PyTree, i: Array) -> tuple[PyTree, Array]:
        y, state = carry
        new, _, _, state, _ = solver.step(term, i * step, (i + 1) * step, y, None, state, False)
        return (new, state), new[0]

    start = (first, solver.init(term, 0.0 * step, step, first, None))
    angles = jax.lax.scan(one, start, jnp.arange(float(_COUNTS[-1])))[1]
    return jnp.concatenate([first[0][None], angles])


def _exact() -> Any:
    def derivative(t: float, y: np.ndarray) -> list[float]:
        return [y[1], -np.sin(y[0]) - _DAMPING * y[1]]

    span = (0.0, _END)
    return solve_ivp(derivative, span, [_ANGLE, 0.0], method="DOP853", rtol=1e-13, atol=1e-14, dense_output=True)
