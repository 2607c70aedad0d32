"""The values at which a neuron starts."""

from collections.abc import Callable

import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from dynplug.core import Context, Neuron, Parameter
from dynplug.initializers import required

Start = Parameter | Callable[..., ArrayLike]
"""A number, an array or an initializer."""


def potential(neuron: Neuron, otherwise: Start, ctx: Context) -> Float[Array, "*size"]:
    """The initial potential of each unit: `V_init`, which may be drawn at random, or what is given for `None`.

    **Raises:** `KeyRequiredError` if it is drawn and the runner has no key.
    """
    given = neuron.V_init  # pyright: ignore[reportAttributeAccessIssue]
    return initial(neuron, "V_init", otherwise if given is None else given, ctx)


def initial(neuron: Neuron, name: str, value: Start, ctx: Context) -> Float[Array, "*size"]:
    """The initial value of a variable of each unit, which may be drawn at random.

    **Arguments:**

    - `neuron`: the neuron.
    - `name`: the name of the parameter, for messages.
    - `value`: a number, an array or an initializer.

    **Raises:** `KeyRequiredError` if it is drawn and the runner has no key.
    """
    if callable(value):
        value = required(value, neuron.size, key=ctx.key, name=f"{ctx.path or type(neuron).__name__}: {name}")
    return jnp.broadcast_to(jnp.asarray(value, ctx.dtype), neuron.size)
