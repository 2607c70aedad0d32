"""Base class of normalisations by statistics over the samples and steps of a batch."""

from abc import abstractmethod
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, PyTree

from dynplug.core import Context, DynamicalSystem, as_size, check_number, statistic
from dynplug.errors import CompositionError
from dynplug.layers.one_sample import check_input

Statistics = tuple[Array, Array]


class Normalising(DynamicalSystem):
    """Normalises by mean and variance: those of the batch while fitting, else running ones.

    A trainer calls `settle` with what all samples of a batch put in at all steps, before it runs the model.
    Implementing one: `_of_batch`, `_learned` and `_scaled`, and a constructor that calls `_start`.
    """

    mean: Array = statistic()
    variance: Array = statistic()
    batch: Statistics | None
    size: tuple[int, ...] = eqx.field(static=True)
    momentum: float = eqx.field(static=True)
    epsilon: float = eqx.field(static=True)

    def _start(self, size: int | Sequence[int], momentum: float, epsilon: float, steps: tuple[int, ...] = ()) -> None:
        """Set the fields that all have; statistics are (*steps, channels)."""
        name = type(self).__name__
        check_number(f"{name}: momentum", momentum, above=0.0, most=1.0)
        check_number(f"{name}: epsilon", epsilon, above=0.0)
        self.size, self.momentum, self.epsilon, self.batch = as_size(size), float(momentum), float(epsilon), None
        self.mean, self.variance = jnp.zeros((*steps, self.size[0])), jnp.ones((*steps, self.size[0]))

    @property
    def in_size(self) -> tuple[int, ...]:
        return self.size

    @property
    def out_size(self) -> tuple[int, ...]:
        return self.size

    def init_state(self, ctx: Context) -> None:
        return None

    def update(self, state: None, x: PyTree, ctx: Context) -> tuple[None, Array]:
        x = check_input(self, x, self.mean.dtype, ctx)
        if ctx.fit and self.batch is None:
            raise CompositionError(
                f"{ctx.path or type(self).__name__}: its statistics are those of a batch over all of its steps, which "
                "only a trainer such as BPTT knows, and only of a direct part of the Sequential that it trains."
            )
        mean, variance = self.batch if ctx.fit and self.batch is not None else (self.mean, self.variance)
        return None, self._scaled(x, mean, variance, ctx)

    def settle(self, xs: Array, counts: Array | None, i: Array) -> "Normalising":
        """The layer with the statistics of a batch, and with running ones that have learned from it.

        **Arguments:**

        - `xs`: its inputs (time, batch, *size).
        - `counts`: a mask of those that count, (time, batch); `None` for all.
        - `i`: the index of the first step.
        """
        found = self._of_batch(xs, counts, i)
        share, running = self._learned(xs, counts, i), (self.mean, self.variance)
        running = jax.tree.map(
            lambda old, new: jax.lax.stop_gradient(old + share * (new.astype(old.dtype) - old)), running, found
        )
        where = lambda layer: (layer.mean, layer.variance, layer.batch)  # noqa: E731
        return eqx.tree_at(where, self, (*running, found), is_leaf=lambda node: node is None)

    @abstractmethod
    def _of_batch(self, xs: Array, counts: Array | None, i: Array) -> Statistics:
        """Mean and variance of a batch, of the form of the running ones."""

    @abstractmethod
    def _learned(self, xs: Array, counts: Array | None, i: Array) -> ArrayLike:
        """The share that a batch has in running statistics."""

    @abstractmethod
    def _scaled(self, x: Array, mean: Array, variance: Array, ctx: Context) -> Array:
        """The output for an input and the statistics in force."""

    def _normalised(self, x: Array, mean: Array, variance: Array) -> Array:
        return (x - self._wide(mean)) / jnp.sqrt(self._wide(variance) + self.epsilon)

    def _wide(self, a: Array) -> Array:
        """One value a channel with an axis of length one for each axis of space."""
        return a.reshape(*a.shape, *[1] * (len(self.size) - 1))


def moments(xs: Array, counts: Array | None, axes: tuple[int, ...]) -> Statistics:
    """Mean and variance over some axes of what counts."""
    where = None if counts is None else jnp.broadcast_to(counts.reshape(*counts.shape, *[1] * (xs.ndim - 2)), xs.shape)
    mean = jnp.mean(xs, axes, keepdims=True, where=where)
    variance = jnp.mean((xs - mean) ** 2, axes, where=where)
    return mean.reshape(variance.shape), variance


def all_axes(xs: Array) -> tuple[int, ...]:
    """Those of time, samples and space; all but that of channels."""
    return (0, 1, *range(3, xs.ndim))
