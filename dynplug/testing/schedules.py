"""Checks of schedules."""

import jax
import jax.numpy as jnp
import numpy as np

from dynplug.testing.demands import close, demand, finite
from dynplug.testing.subject import Subject

_COUNTS = (0, 1, 7, 1000)


def gives_a_number_for_every_step(subject: Subject) -> None:
    """The value at any step is a finite scalar, compiled or not."""
    with jax.numpy_dtype_promotion("standard"):
        compiled = jax.jit(lambda count: subject.instance(count))
        for count in _COUNTS:
            value = subject.instance(count)
            demand(np.shape(value) == (), f"The value at step {count} has shape {np.shape(value)}.")
            finite(value, f"the value at step {count}")
            close(compiled(jnp.asarray(count, jnp.int32)), value, f"the value at step {count}, compiled and not")
