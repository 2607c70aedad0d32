"""A named error for host-only construction, such as that of connections, inside a function that JAX traces."""

from collections.abc import Iterator
from contextlib import contextmanager

import jax

from dynplug.errors import TracedError


@contextmanager
def untraced(what: str) -> Iterator[None]:
    """Turn JAX's error about a tracer into one that says where to make `what`. **Raises:** `TracedError`."""
    try:
        yield
    except jax.errors.JAXTypeError as error:
        raise TracedError(
            f"{what} is made on the host, as the number of connections is not known beforehand, and not within "
            "jax.jit, jax.vmap, jax.grad or another function that JAX traces. Build the model outside, and give it to "
            "the function as an argument: `model = build(key)`, then `eqx.filter_jit(run)(model, x)`. For several "
            "keys build several: `[build(key) for key in jax.random.split(key, 4)]`."
        ) from error
