"""Checks of surrogate derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from dynplug.equations import parse
from dynplug.errors import EquationError, nearest
from dynplug.testing.demands import close, demand, finite
from dynplug.testing.driving import constants
from dynplug.testing.subject import Subject

_POINTS = np.array([-30.0, -1.1, -0.4, -1e-3, 0.0, 1e-3, 0.3, 0.9, 25.0])
_RANGE = np.linspace(-10.0, 10.0, 401, dtype=np.float32)
_FAR_AWAY = 1000.0
_DRAWS, _NEAR = 4, 0.2
_FAR = np.array([-1e30, -1e6, 1e6, 1e30])


def steps_exactly(subject: Subject) -> None:
    """The output is exactly 1 for inputs of zero or more, else 0, in the dtype of the input."""
    with jax.enable_x64(True):
        for dtype in (jnp.float16, jnp.float32, jnp.float64):
            x = jnp.asarray(_POINTS, dtype)
            out = subject.instance(x)
            demand(out.dtype == dtype, f"For inputs of {np.dtype(dtype)} the output is {out.dtype}.")
            close(out, (x >= 0).astype(dtype), f"the output at {_POINTS.tolist()}, and the step", rtol=0.0)


def backward_is_its_derivative(subject: Subject) -> None:
    """The gradient is `derivative` times the incoming cotangent, compiled or not."""
    x = jnp.asarray(_POINTS, jnp.float32)
    surrogate = subject.instance
    declared = jax.vmap(surrogate.derivative)(x)

    def gradient(x: Array) -> Array:
        return jax.grad(lambda x: 3.0 * jnp.sum(surrogate(x)))(x) / 3.0

    close(gradient(x), declared, "the gradient, and `derivative`")
    close(jax.jit(gradient)(x), declared, "the compiled gradient, and `derivative`")


def derivative_is_finite(subject: Subject) -> None:
    """Far from the threshold the derivative is finite, with the dtype and shape of its input."""
    x = jnp.asarray(np.concatenate([_POINTS, _FAR]), jnp.float32)
    found = subject.instance.derivative(x)
    demand(found.shape == x.shape, f"The derivative has shape {found.shape}, for an input of {x.shape}.")
    demand(found.dtype == x.dtype, f"The derivative is {found.dtype}, for an input of {x.dtype}.")
    finite(found, f"the derivative at {x.tolist()}")


def points_upward(subject: Subject) -> None:
    """The derivative is positive at the threshold and nowhere negative, unless declared `signed`."""
    x = jnp.asarray(_RANGE)
    found = np.asarray(subject.instance.derivative(x))
    demand(found[_RANGE == 0][0] > 0, f"The derivative at the threshold is {found[_RANGE == 0][0]}, not above zero.")
    signed = "signed" in subject.spec.capabilities
    demand(
        signed or np.all(found >= 0),
        f"The derivative is {found.min():g} at {_RANGE[found.argmin()]:g}: a spike gets likelier with the potential. "
        "One with negative flanks says `signed` in its spec's `capabilities`.",
    )


def decays_from_the_threshold(subject: Subject) -> None:
    """The derivative is largest at the threshold and small far from it; symmetric unless declared `asymmetric`."""
    found = np.abs(np.asarray(subject.instance.derivative(jnp.asarray(_RANGE))))
    top = found[_RANGE == 0][0]
    asymmetric = "asymmetric" in subject.spec.capabilities
    demand(
        asymmetric or found.max() <= top * (1 + 1e-5),
        f"The derivative is greater at {_RANGE[found.argmax()]:g}, {found.max():g}, than at the threshold, {top:g}.",
    )
    ends = np.asarray(subject.instance.derivative(jnp.asarray([-_FAR_AWAY, _FAR_AWAY], jnp.float32)))
    demand(np.all(np.abs(ends) < 0.01 * top), f"The derivative is {ends.tolist()} at +-{_FAR_AWAY:g}, {top:g} at 0.")
    if not asymmetric:
        close(found[::-1], found, "the derivative at -x, and at x (one that is not symmetric says `asymmetric`)")
    inner = np.abs(_RANGE) <= 1
    near, far = found[inner].mean(), found[~inner].mean()
    demand(
        asymmetric or far < near, f"The derivative is {far:.3g} on average away from the threshold, {near:.3g} near it."
    )


def follows_its_equation(subject: Subject) -> None:
    """`derivative` equals `equation`, the text beside the fields, at random parameters."""
    text = subject.instance.equation
    node = parse(text)
    usual = constants(subject)
    known = [*usual, "x", "pi"]
    for name in node.names():
        if name not in known:
            raise EquationError(f"equation = {text}: unknown name {name!r}. {nearest(name, known)}")
    numbers = np.random.default_rng(12)
    with jax.enable_x64(True):
        x = jnp.asarray(_RANGE, float)
        for _ in range(_DRAWS):
            moved = {name: value * (1.0 + _NEAR * numbers.uniform(-1.0, 1.0)) for name, value in usual.items()}
            found = subject.make(0, **moved).derivative(x)
            wanted = np.broadcast_to(node.value({**moved, "x": np.asarray(x), "pi": np.pi}), x.shape)
            close(found, wanted, f"the derivative, and {text}, with {moved}", rtol=1e-8)
