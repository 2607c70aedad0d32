"""Checks of systems whose statistics are those of a batch."""

from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from dynplug.core import DynamicalSystem, leaves
from dynplug.testing.demands import close, demand
from dynplug.testing.stepping import context, size_of, trial_of
from dynplug.testing.subject import Subject

_STEPS, _SAMPLES, _OFTEN = 4, 5, 300
_FAR = 1e3

System = TypeVar("System", bound=DynamicalSystem)


def learns_the_statistics_of_batches(subject: Subject) -> None:
    """By `settle` it has the statistics of a batch, whatever padding holds; running ones come to those of a batch."""
    trial, system, first = trial_of(subject), subject.instance, jnp.zeros((), jnp.int32)
    numbers = np.random.default_rng(12)
    size = size_of(system, "in_size") or (3,)
    xs = jnp.asarray(numbers.normal(size=(_STEPS, _SAMPLES, *size)) + 1.0, trial.zero.dtype)
    counts = np.arange(_STEPS)[:, None] < np.array([4, 2, 3, 4, 1])
    out = _outputs(system.settle(xs, None, first), xs, fit=True)
    order = np.array([2, 0, 4, 1, 3])
    shuffled = xs[:, order]
    again = _outputs(system.settle(shuffled, None, first), shuffled, fit=True)
    close(again, out[:, order], "the outputs for a batch in another order")
    far = jnp.where(jnp.asarray(counts).reshape(*counts.shape, *[1] * len(size)), xs, _FAR)
    ours, theirs = (_outputs(system.settle(x, jnp.asarray(counts), first), xs, fit=True) for x in (xs, far))
    close(ours, theirs, "the outputs for a batch with other padding")
    apart = float(np.max(np.abs(np.asarray(ours) - np.asarray(out))))
    demand(apart > 0, "It has the same statistics with and without the steps that do not count.")

    def seen(_: Array, values: list[Array]) -> list[Array]:
        return _statistics(_with(system, values).settle(xs, None, first))

    settled = _with(system, jax.lax.fori_loop(0, _OFTEN, seen, _statistics(system)))
    close(_outputs(settled, xs, fit=False), out, f"the outputs after {_OFTEN} times the same batch, and while fitting")


def _statistics(system: DynamicalSystem) -> list[Array]:
    return [leaf.value for leaf in leaves(system) if leaf.statistic]


def _with(system: System, values: list[Array]) -> System:
    """A system with other statistics."""
    others = iter(values)
    known = [next(others) if leaf.statistic else leaf.value for leaf in leaves(system)]
    return jax.tree.unflatten(jax.tree.structure(system), known)


def _outputs(system: DynamicalSystem, xs: Array, *, fit: bool) -> PyTree:
    """The outputs (time, batch, ...) of all steps, of a system without state."""

    def one(i: Array, x: Array) -> PyTree:
        ctx = context(system, i, fit=fit)
        return system.update(system.init_state(ctx), x, ctx)[1]

    steps = jnp.arange(len(xs), dtype=jnp.int32)
    return jax.vmap(jax.vmap(one, (None, 0)))(steps, xs)
