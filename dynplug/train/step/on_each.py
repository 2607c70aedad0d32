"""A function of a trainer, run on each of several devices for its piece of a batch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.sharding import PartitionSpec
from jaxtyping import PyTree

from dynplug.timeloop import RunState
from dynplug.train.data import Layout
from dynplug.train.step.compiled_step import evaluate, predict, train, with_parts
from dynplug.train.step.device_mesh import AXIS, DeviceMesh, along_axis
from dynplug.train.step.frozen_tree import FrozenTree
from dynplug.train.step.joint_objective import JointObjective
from dynplug.train.step.objective import Counting, Objective
from dynplug.train.step.part import Piece
from dynplug.train.step.step_parts import StepParts
from dynplug.train.step.train_step import Stepped

_ALIKE = PartitionSpec()


@dataclass(frozen=True)
class BatchShards:
    """The layout of batches of a given number of samples over devices.

    **Attributes:** `devices`, the devices; `layout`, the axes of the data; `rows`, the number.
    """

    devices: DeviceMesh
    layout: Layout
    rows: int

    @property
    def filled(self) -> int:
        """The number with those samples that make up the batch."""
        return self.devices.filled(self.rows)

    @property
    def axes(self) -> list[Callable[[int], int]]:
        """The axes of samples of inputs and of targets, by their ranks."""
        return [self.layout.samples, partial(self.layout.samples, target=True)]

    def placed(self, carry: RunState | None) -> RunState | None:
        """States on the devices: on each those of its samples, where their number can be divided."""
        if carry is None:
            return None
        even = self.filled == self.rows
        system = self.devices.parts(carry.system, lambda _: 0) if even else self.devices.copies(carry.system)
        return _of(carry, self.devices.copies(carry.i), system)

    def made_up(self, carry: RunState | None) -> RunState | None:
        """States, with those of the samples that make up the batch."""
        if carry is None or self.filled == self.rows:
            return carry
        rows = jnp.arange(self.filled) % self.rows
        return _of(carry, carry.i, jax.tree.map(lambda a: a[rows], carry.system))

    def counting(self, given: Counting) -> Counting:
        """The mask and lengths of the batch, extended by its padding."""
        missing = self.filled - self.rows
        if not missing:
            return given
        real = jnp.ones(self.rows, bool) if given.real is None else given.real
        lengths = None if given.lengths is None else jnp.pad(given.lengths, (0, missing))
        return Counting(jnp.pad(real, (0, missing)), lengths)

    def data(self, pieces: Sequence[PyTree]) -> tuple[Any, ...]:
        """The partitions of inputs and targets over devices."""

        def lie(tree: PyTree, axis: Callable[[int], int]) -> PyTree:
            return jax.tree.map(lambda a: along_axis(axis(a.ndim)), tree)

        return tuple(lie(tree, axis) for tree, axis in zip(pieces, self.axes, strict=False))

    def results(self, function: Callable[..., Any], dt: float) -> Any:
        """The partitions of a function's results over devices, of a loop with steps of `dt`."""
        carry = _of(RunState(jnp.zeros((), jnp.int32), None, dt=dt), _ALIKE, along_axis(0))
        if function is predict:
            outputs = along_axis(self.layout.samples(self.layout.least_rank))
            return carry, outputs, outputs
        if function is evaluate:
            return carry, _ALIKE
        stepped: Any = Stepped
        return stepped(_ALIKE, None if function is train else carry, _ALIKE, _ALIKE, _ALIKE)

    def cut(self, made: PyTree, lie: PyTree) -> PyTree:
        """Results, which lie so, without the samples that made up the batch."""
        if self.filled == self.rows:
            return made

        def cut(spec: PartitionSpec, tree: PyTree) -> PyTree:
            if AXIS not in spec:
                return tree
            axis = list(spec).index(AXIS)
            return jax.tree.map(lambda a: jax.lax.slice_in_dim(a, 0, self.rows, axis=axis), tree)

        return jax.tree.map(cut, lie, made, is_leaf=lambda leaf: isinstance(leaf, PartitionSpec))


@partial(jax.jit, static_argnums=(0, 1, 2))
def on_each(
    function: Callable[..., Any],
    frozen: FrozenTree,
    shards: BatchShards,
    alike: PyTree,
    pieces: Sequence[PyTree],
    carry: RunState | None,
    counting: Counting,
) -> PyTree:
    """The results of a function for a whole batch, from what it gives on each device.

    **Arguments:**

    - `function`, `frozen`: as for `with_parts`.
    - `shards`: the devices and the batch.
    - `alike`: the arguments that are the same on each: arrays and key, the batch's stream, parameters.
    - `pieces`: inputs and targets, made up to a multiple of the devices.
    - `carry`, `counting`: the states to go on from, and what of the batch counts.
    """
    dt = frozen.filled(alike[0][0]).forward.loop.dt
    piece, lie = Piece(AXIS, shards.rows), shards.results(function, dt)

    # 1. What runs on one device: the function itself, with parts that know of the others. The loop draws random numbers
    # by a sample's number in the whole batch, layers that need statistics of all samples gather them, and the objective
    # gives this device's summand.
    def on_one(alike: PyTree, pieces: PyTree, carry: RunState | None, counting: Counting) -> PyTree:
        (arrays, key), stream, state = alike
        filled = shards.counting(counting)

        def here(parts: StepParts, *given: PyTree) -> PyTree:
            forward = replace(parts.forward, loop=replace(parts.forward.loop, over=AXIS), part=piece)
            assert isinstance(parts.objective, Objective)  # of a whole batch
            objective = JointObjective(parts.objective, piece, counting, filled)
            return function(replace(parts, forward=forward, objective=objective), *given)

        own = jax.tree.map(piece.own, filled)  # samples that make up the batch count for nothing, wherever they are
        return with_parts(here, frozen, arrays, key, stream, state, *pieces, carry, own)

    # 2. How arguments and results lie: data and states are cut along samples, all else is the same on each device.
    carry = shards.made_up(carry)
    states = None if carry is None else _of(carry, _ALIKE, jax.tree.map(lambda _: along_axis(0), carry.system))
    given = _ALIKE, shards.data(pieces), states, _ALIKE

    # 3. Run it, and drop the samples that made up the batch. That parameters are the same on each device follows from
    # the sums in `train_step`. JAX is not asked to verify it: every loop of a model would then have to say of each
    # carried value whether it varies along the devices.
    sharded = jax.shard_map(on_one, mesh=shards.devices.mesh, in_specs=given, out_specs=lie, check_vma=False)
    return shards.cut(sharded(alike, pieces, carry, counting), lie)


def _of(carry: RunState, i: object, system: PyTree) -> Any:
    """A carry with others in the place of its step and its states, or with what is said of them."""
    return eqx.tree_at(lambda r: (r.i, r.system), carry, (i, system), is_leaf=lambda leaf: leaf is None)
