"""Random keys that users give."""

import jax
import jax.numpy as jnp

from dynplug.errors import KeyRequiredError


def check_key(key: object) -> None:
    """Raise `KeyRequiredError` for what is neither a random key nor `None`."""
    if key is None:
        return
    dtype, shape = getattr(key, "dtype", None), getattr(key, "shape", ())
    if dtype is not None and jnp.issubdtype(dtype, jax.dtypes.prng_key) and shape == ():
        return
    if dtype == jnp.uint32 and len(shape) == 1:  # of jax.random.PRNGKey
        return
    made = f"jax.random.key({key})" if isinstance(key, int) else "jax.random.key(0)"
    given = f"an array of shape {shape}" if shape else repr(key)
    raise KeyRequiredError(f"key is one random key, from which each sample draws its own: give {made}; got {given}.")
