"""Checks of the independence of units in a population."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from dynplug.core import leaves
from dynplug.testing.demands import close
from dynplug.testing.driving import constants, drive_of, traced
from dynplug.testing.stepping import run
from dynplug.testing.subject import UNITS, Subject

_STEPS = 400


def grid_equals_row(subject: Subject) -> None:
    """A grid of units behaves like as many units in a row, and units that swap inputs swap outputs."""
    xs = drive_of(subject)[:_STEPS]
    four = np.concatenate([xs, xs[:, :1] * 0.9], axis=1)
    (_, row), (_, grid) = (
        run(subject.make(size=size), x)[1] for size, x in ((4, four), ((2, 2), four.reshape(-1, 2, 2)))
    )
    close(jax.tree.map(_flat, grid), jax.tree.map(_flat, row), "outputs of 2 by 2 units, and of 4")
    _, (_, swapped) = run(subject.make(size=4), four[:, ::-1])
    back = jax.tree.map(lambda a: a[:, ::-1] if np.shape(a)[1:] == (4,) else a, swapped)
    close(back, row, "outputs of units that swap their inputs, swapped back, and before")


def _flat(a: Array) -> np.ndarray:
    return np.asarray(a).reshape(len(a), -1)


def constants_may_differ_by_unit(subject: Subject) -> None:
    """With one parameter value per unit, each unit behaves as in a population that shares its value."""
    usual = constants(subject)
    xs = drive_of(subject)
    shares = np.linspace(1.0, 1.02, UNITS)
    each = {name: jnp.asarray(value * shares, float) for name, value in usual.items()}
    _, (_, together) = run(subject.make(0, **each), xs)
    for unit, share in enumerate(shares):
        one = {name: value * share for name, value in usual.items()}
        _, (_, alone) = run(traced(subject, **one), xs)
        for a, b in zip(leaves({"": together}), leaves({"": alone}), strict=True):
            if np.shape(a.value) == (len(xs), UNITS):
                what = f"outputs of unit {unit} with constants of its own, and where all units have them"
                ours, theirs = (np.asarray(leaf.value)[:_STEPS, unit] for leaf in (a, b))
                close(ours, theirs, what)
