"""The check of a layer's input."""

from typing import Protocol, runtime_checkable

import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array

from dynplug.core import Context
from dynplug.errors import ShapeError


@runtime_checkable
class _Taking(Protocol):
    """A layer whose input has a known shape."""

    @property
    def in_size(self) -> tuple[int, ...]: ...


def check_input(layer: _Taking, x: object, dtype: DTypeLike, ctx: Context) -> Array:
    """The input of one sample at one step as an array of `dtype`, or `ShapeError` if it is not `layer.in_size`."""
    if getattr(x, "shape", None) != layer.in_size:
        name = f"{ctx.path!r} ({type(layer).__name__})" if ctx.path else type(layer).__name__
        given = getattr(x, "shape", type(x).__name__)
        raise ShapeError(
            f"{name} takes an array of shape {layer.in_size}, but was given {given}. A system sees one sample at one "
            "step: check the layer before it, or the runner's data_first_axis."
        )
    return jnp.asarray(x, dtype)
