"""The values at which a neuron starts."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from dynplug.core import Context
from dynplug.initializers import required


def potential(neuron: Any, otherwise: Any, ctx: Context) -> Float[Array, "*size"]:
    """The initial potential of each unit: `V_init`, which may be drawn at random, or what is given for `None`.

    **Raises:** `KeyRequiredError` if it is drawn and the runner has no key.
    """
    return initial(neuron, "V_init", otherwise if neuron.V_init is None else neuron.V_init, ctx)


def initial(neuron: Any, name: str, value: Any, ctx: Context) -> Float[Array, "*size"]:
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
