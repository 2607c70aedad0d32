"""The steps of several trainers as one program, under `vmap`."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Key, PRNGKeyArray, PyTree

from dynplug.timeloop import RunState
from dynplug.train.step import (
    ARRAY,
    CompiledStep,
    FrozenTree,
    Logged,
    Stepped,
    evaluate,
    train,
    train_step,
    with_parts,
)


def common(program: CompiledStep) -> Hashable:
    """A key that programs share which can run as one: all but the values of arrays and of numbers."""
    shapes = tuple((np.shape(leaf), getattr(leaf, "dtype", float)) for leaf in _varying(program))
    leaves = [ARRAY if _varies(leaf) else leaf for leaf in program.frozen.leaves]
    return FrozenTree(leaves, program.frozen.structure), shapes


class JointSteps:
    """Several programs as one, along a first axis of everything that is not the same for all of them.

    **Arguments:**

    - `programs`: for all of which `common` is equal. A number that all share stays compiled in, one that differs is
        traced.
    """

    def __init__(self, programs: Sequence[CompiledStep]):
        self._programs = programs
        frozen = programs[0].frozen
        columns = zip(*map(_varying, programs), strict=True)  # of each leaf that may vary, its value in all programs
        leaves: list[Any] = []
        self._own: list[Array] = []  # leaves that vary, stacked
        self._shared: list[ArrayLike] = []  # arrays that are the same object in all programs
        varies: list[bool] = []  # of the traced leaves, in their order, which are in `_own`
        for leaf in frozen.leaves:
            column = next(columns) if _varies(leaf) else (leaf,)
            first = column[0]
            if not _varies(leaf) or (type(first) is float and all(one == first for one in column)):
                leaves.append(first)
                continue
            leaves.append(ARRAY)
            varies.append(any(one is not first for one in column))
            if varies[-1]:
                self._own.append(jnp.stack([jnp.asarray(one) for one in column]))
            else:
                self._shared.append(first)
        self._frozen, self._varies = FrozenTree(leaves, frozen.structure), tuple(varies)
        self._keys = jnp.stack([program.bound[1] for program in programs])

    def train(self, numbers: Sequence[int], batch: PyTree, *, keep: bool) -> Stepped:
        """A training step of each on its batch, all arguments of which are stacked."""
        return self._call(train_step if keep else train, numbers, batch)

    def evaluate(self, numbers: Sequence[int], batch: PyTree) -> tuple[RunState | None, Logged]:
        """The evaluation of each on its batch, likewise."""
        return self._call(evaluate, numbers, batch)

    def _call(self, function: Callable[..., Any], numbers: Sequence[int], batch: PyTree) -> PyTree:
        streams = np.stack([program.stream(n) for program, n in zip(self._programs, numbers, strict=True)])
        return _mapped(function, self._frozen, self._varies, self._own, self._shared, self._keys, streams, batch)


@partial(jax.jit, static_argnums=(0, 1, 2))
def _mapped(
    function: Callable[..., Any],
    frozen: FrozenTree,
    varies: tuple[bool, ...],
    own: list[ArrayLike],
    shared: list[ArrayLike],
    keys: Key[Array, "lanes"],
    streams: Array,
    batch: PyTree,
) -> PyTree:
    def one(own: list[ArrayLike], key: PRNGKeyArray, stream: Array, batch: PyTree) -> PyTree:
        mine, ours = iter(own), iter(shared)
        arrays = [next(mine) if one_varies else next(ours) for one_varies in varies]
        return with_parts(function, frozen, arrays, key, stream, *batch)

    return jax.vmap(one)(own, keys, streams, batch)


def _varying(program: CompiledStep) -> Iterator[Any]:
    """The arrays and numbers in the parts of a program, in their order."""
    arrays = iter(program.bound[0])
    return (next(arrays) if leaf is ARRAY else leaf for leaf in program.frozen.leaves if _varies(leaf))


def _varies(leaf: object) -> bool:
    return leaf is ARRAY or type(leaf) is float
