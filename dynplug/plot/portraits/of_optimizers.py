"""Optimizers and schedules."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, PyTree
from matplotlib.figure import Figure

from dynplug.plot.portraits.sitter import Sitter, panels

_STEPS, _CURVATURE = 4000, 10.0
_START = (-1.2, 0.6)
_SCHEDULED = 160


def optimizer(sitter: Sitter, figure: Figure) -> None:
    """Above, the path on a quadratic that is ten times steeper across than along; below, its value over the steps."""
    above, below = panels(figure, 2)
    path = np.asarray(_path(sitter.made))
    side, up = np.linspace(-1.5, 0.5, 81), np.linspace(-0.8, 0.8, 61)
    grid = np.meshgrid(side, up)
    above.contour(side, up, np.sqrt(_value(np.stack(grid))), levels=12, colors="0.8", linewidths=0.8)
    above.plot(*path.T, color="C0", linewidth=1.5)
    above.plot(*_START, "o", color="C0")
    above.plot(0.0, 0.0, "+", color="black", markersize=10)
    above.set(xlabel="along [-]", ylabel="across [-]")
    below.semilogy(np.arange(len(path)), np.maximum(_value(path.T), 1e-12))
    below.set(xlabel="step [number]", ylabel="value [-]")


def schedule(sitter: Sitter, figure: Figure) -> None:
    """The value over the steps of the optimizer."""
    (ax,) = panels(figure, 1)
    steps = jnp.arange(_SCHEDULED)
    ax.plot(steps, jax.vmap(lambda i: jnp.asarray(sitter.made(i), float))(steps))
    ax.set(xlabel="step [number]", ylabel="value [-]")
    ax.margins(y=0.1)


def _value(at: Array | np.ndarray) -> Array | np.ndarray:
    return 0.5 * (at[0] ** 2 + _CURVATURE * at[1] ** 2)


def _path(optimizer: optax.GradientTransformation) -> Array:
    """The places (step, 2) that an optimizer visits."""
    first = {"w": jnp.asarray(_START)}
    gradient = jax.grad(lambda params: _value(params["w"]))

    def step(carry: PyTree, _: None) -> tuple[PyTree, Array]:
        params, state = carry
        updates, state = optimizer.update(gradient(params), state, params)
        new: PyTree = optax.apply_updates(params, updates)
        return (new, state), new["w"]

    with jax.numpy_dtype_promotion("standard"):
        path = jax.lax.scan(step, (first, optimizer.init(first)), None, length=_STEPS)[1]
    return jnp.concatenate([first["w"][None], path])
