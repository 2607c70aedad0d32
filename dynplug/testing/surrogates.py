"""Checks of surrogate derivatives."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dynplug.testing.compare import close, demand, finite
from dynplug.testing.subject import Subject

_POINTS = np.array([-30.0, -1.1, -0.4, -1e-3, 0.0, 1e-3, 0.3, 0.9, 25.0])
_FAR = np.array([-1e30, -1e6, 1e6, 1e30])


def steps_exactly(subject: Subject) -> None:
    """The output is exactly 1 where the input is zero or more, else 0, in the dtype of the input."""
    with jax.enable_x64(True):
        for dtype in (jnp.float16, jnp.float32, jnp.float64):
            x = jnp.asarray(_POINTS, dtype)
            out = subject.instance(x)
            demand(out.dtype == dtype, f"For inputs of {np.dtype(dtype)} the output is {out.dtype}.")
            close(out, (x >= 0).astype(dtype), f"the output at {_POINTS.tolist()}, and the step", rtol=0.0)


def backward_is_its_derivative(subject: Subject) -> None:
    """The gradient is what `derivative` says, compiled and not, and scales what comes from behind."""
    x = jnp.asarray(_POINTS, jnp.float32)
    surrogate = subject.instance
    declared = jax.vmap(surrogate.derivative)(x)

    def gradient(x: Any) -> Any:
        return jax.grad(lambda x: 3.0 * jnp.sum(surrogate(x)))(x) / 3.0

    close(gradient(x), declared, "the gradient, and `derivative`")
    close(jax.jit(gradient)(x), declared, "the compiled gradient, and `derivative`")


def derivative_is_finite(subject: Subject) -> None:
    """Far from the threshold the derivative is finite, and has the dtype and shape of its input."""
    x = jnp.asarray(np.concatenate([_POINTS, _FAR]), jnp.float32)
    found = subject.instance.derivative(x)
    demand(found.shape == x.shape, f"The derivative has shape {found.shape}, for an input of {x.shape}.")
    demand(found.dtype == x.dtype, f"The derivative is {found.dtype}, for an input of {x.dtype}.")
    finite(found, f"the derivative at {x.tolist()}")
