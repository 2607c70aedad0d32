"""Shared parts of connectors: random numbers, and the pairs of a unit with itself."""

import equinox as eqx
import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from dynplug.core import untraced
from dynplug.errors import KeyRequiredError, ParameterError, ShapeError


def generator(connector: eqx.Module, key: PRNGKeyArray | None) -> np.random.Generator:
    """A generator seeded by a JAX key. Connections are drawn on the host, as their number is not known beforehand."""
    if key is None:
        name = type(connector).__name__
        raise KeyRequiredError(f"{name} draws connections: call it as connector(pre, post, key=jax.random.key(0)).")
    with untraced(type(connector).__name__):
        return np.random.default_rng(np.asarray(jax.random.key_data(key)))


def one_population(connector: eqx.Module, pre: int, post: int) -> int:
    """The size of a population that is connected with itself."""
    if pre != post:
        raise ShapeError(
            f"{connector} is for a population connected with itself; it was given two, of {min(pre, post)} and "
            f"{max(pre, post)} units."
        )
    return pre


def partners(
    connector: eqx.Module, n: int, rng: np.random.Generator, units: int, others: int, own: bool
) -> tuple[np.ndarray, np.ndarray]:
    """For each of `units` units, `n` distinct ones out of `others`: two lists of indices.

    Without its `own` index, a unit draws from one fewer, and draws from its own index onwards are shifted by one.
    """
    if not own:
        one_population(connector, units, others)
    choices = others if own else others - 1
    if not 0 <= n <= choices:
        raise ParameterError(f"{connector}: there are {choices} units to choose from; n must lie between 0 and that.")
    drawn = np.array([rng.choice(choices, n, replace=False, shuffle=False) for _ in range(units)], int)
    unit = np.repeat(np.arange(units), n)
    drawn = drawn.ravel()
    return unit, drawn if own else drawn + (drawn >= unit)
