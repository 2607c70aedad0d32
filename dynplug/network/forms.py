"""The forms of coupling: the input of a unit, given sums over its connections."""

from collections.abc import Callable
from typing import Literal, get_args

import jax.numpy as jnp
from jaxtyping import Array, Float

from dynplug.core import Drive
from dynplug.errors import ParameterError, nearest

Form = Literal["additive", "diffusive", "sine"]

Units = Float[Array, " units"]
Sum = Callable[[Array], Array]
"""A function from the values that units send to the weighted sums that units receive."""


def as_form(form: str) -> str:
    """The name of a form, checked."""
    if form not in FORMS:
        raise ParameterError(f"Coupling(form={form!r}): {nearest(form, get_args(Form))}")
    return form


def additive(weighted: Sum, x: Array, own: Units) -> Drive:
    """The sum of the arriving values."""
    return Drive(current=weighted(x))


def diffusive(weighted: Sum, x: Array, own: Units) -> Drive:
    """The sum of differences, affine in the unit's own variable, so that it follows the equation within the step."""
    return Drive(current=weighted(x), conductance=weighted(jnp.ones_like(x)))


def sine(weighted: Sum, x: Array, own: Units) -> Drive:
    """The sum of sines of differences, of which sin(a - b) = sin(a) cos(b) - cos(a) sin(b) needs two sums."""
    return Drive(current=weighted(jnp.sin(x)) * jnp.cos(own) - weighted(jnp.cos(x)) * jnp.sin(own))


FORMS: dict[str, Callable[[Sum, Array, Units], Drive]] = {"additive": additive, "diffusive": diffusive, "sine": sine}
