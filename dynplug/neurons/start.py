"""The potential at which a neuron starts."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from dynplug.core import Context
from dynplug.initializers import required


def potential(neuron: Any, otherwise: Any, ctx: Context) -> Float[Array, "*size"]:
    """The initial potential of each unit: `V_init`, which may be drawn at random, or what is given for `None`.

    **Raises:** `KeyRequiredError` if it is drawn and the runner has no key.
    """
    V = otherwise if neuron.V_init is None else neuron.V_init
    if callable(V):
        V = required(V, neuron.size, key=ctx.key, name=f"{ctx.path or type(neuron).__name__}: V_init")
    return jnp.broadcast_to(jnp.asarray(V, ctx.dtype), neuron.size)
