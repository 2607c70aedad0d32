"""Checks of the derivatives of systems, on which training relies."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from dynplug.core import DynamicalSystem, leaves
from dynplug.surrogates import Surrogate
from dynplug.testing.demands import close, demand
from dynplug.testing.driving import constants, drive_of, gradients, traced, weigh
from dynplug.testing.stepping import quick_jit, steps, trial_of
from dynplug.testing.subject import Skip, Subject

_STEPS = 400
_SMALL = 1e-6  # step of a difference, as a share of what it varies


class Flat(Surrogate):
    """A surrogate with zero derivative: the gradient of a run is then exact, as long as no spike moves."""

    def derivative(self, x: Array) -> Array:
        return jnp.zeros_like(x)


def every_array_gets_a_gradient(subject: Subject) -> None:
    """Each trainable array, each constant given as an array, and the input, if any, has a non-zero derivative."""
    system = traced(subject)
    arrays, xs = gradients(subject, system)
    demand(
        subject.kind == "source" or np.any(np.asarray(xs)),
        "The input gets no gradient: is there a stop_gradient, or a spike without surrogate?",
    )
    trainable = {leaf.path for leaf in leaves(system) if leaf.trainable} | constants(subject).keys()
    found = {leaf.path: np.any(np.asarray(leaf.value)) for leaf in leaves(arrays) if leaf.path in trainable}
    silent = [path for path, moves in found.items() if not moves and path not in subject.spec.inert]
    demand(
        not silent,
        f"{', '.join(silent)}: a gradient of zero under a random drive, so that no trainer can change it. Is there a "
        "stop_gradient, or a path that nothing takes? What gets none by intention is named in the spec's `inert`.",
    )


def gradients_match_differences(subject: Subject) -> None:
    """Derivatives of a smooth run with respect to arrays, constants and inputs equal finite differences."""
    with jax.enable_x64(True):
        xs = np.asarray(drive_of(subject), np.float64)[:_STEPS]
        system = _without_surrogate(subject)
        arrays, static = eqx.partition(system, eqx.is_inexact_array)
        given = (arrays, jnp.asarray(xs))
        paths = [leaf.path for leaf in leaves(given)]
        directions = _directions(given)
        key = trial_of(subject).key

        def along(shares: Array) -> Array:
            moved = [
                value + share * by for value, share, by in zip(jax.tree.leaves(given), shares, directions, strict=True)
            ]
            arrays, xs = jax.tree.unflatten(jax.tree.structure(given), moved)
            return weigh(steps(eqx.combine(arrays, static), xs, key)[1])

        slopes = np.asarray(quick_jit(jax.grad(along))(jnp.zeros(len(paths))))
        points = np.concatenate([scale * np.eye(len(paths)) * _SMALL for scale in (1.0, -1.0, 0.5, -0.5)])
        values = np.asarray(quick_jit(jax.vmap(along))(jnp.asarray(points))).reshape(4, -1)
    wide, narrow = (values[0] - values[1]) / (2 * _SMALL), (values[2] - values[3]) / _SMALL
    scale = max(np.max(np.abs(narrow)), 1e-12)
    smooth = np.abs(wide - narrow) <= 1e-5 * np.maximum(np.abs(narrow), 1e-3 * scale)
    for path, slope, difference in zip(np.array(paths)[smooth], slopes[smooth], narrow[smooth], strict=True):
        close(
            slope,
            difference,
            f"the derivative with respect to {_called(path)}, and differences",
            rtol=1e-3,
            least=1e-3 * scale,
        )
    if not np.any(smooth):
        raise Skip("it is smooth in none of its arrays")


def _called(path: str) -> str:
    return "the input" if path == "1" else path.removeprefix("0.")


def _without_surrogate(subject: Subject) -> DynamicalSystem:
    """The system with a zero-derivative surrogate in all its parts."""
    return jax.tree.map(lambda part: Flat() if _is_surrogate(part) else part, traced(subject), is_leaf=_is_surrogate)


def holds_a_surrogate(subject: Subject) -> bool:
    """Whether a field, which can be replaced, holds a surrogate."""
    return any(map(_is_surrogate, jax.tree.leaves(subject.instance, is_leaf=_is_surrogate)))


def _is_surrogate(part: object) -> bool:
    return isinstance(part, Surrogate)


def _directions(given: PyTree) -> list[Array]:
    numbers = np.random.default_rng(3)
    scaled = [np.maximum(np.max(np.abs(value), initial=0.0), 1e-3) for value in jax.tree.leaves(given)]
    return [jnp.asarray(s * numbers.normal(size=v.shape)) for s, v in zip(scaled, jax.tree.leaves(given), strict=True)]
