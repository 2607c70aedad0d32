"""Named errors for what is done on the host, such as drawing connections, inside a function that JAX traces."""

from collections.abc import Iterator
from contextlib import contextmanager

import jax
from jax.core import Tracer
from jaxtyping import PyTree

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


def is_traced(*given: PyTree) -> bool:
    """Whether JAX traces the function that asks, as by `jax.jit`, or any of the given values, as by `jax.grad`."""
    return any(isinstance(value, Tracer) for value in jax.tree.leaves((jax.device_put(0), given)))
