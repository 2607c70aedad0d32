"""The functions of a trainer on several devices."""

from collections.abc import Callable
from typing import Any

import jax
from jax.extend.core import ClosedJaxpr
from jaxtyping import PyTree

from dynplug.core import on_device_of, whole_here
from dynplug.timeloop import RunState
from dynplug.train.data import Layout
from dynplug.train.step.compiled_step import CompiledStep, evaluate, predict, train
from dynplug.train.step.device_mesh import DeviceMesh
from dynplug.train.step.objective import ALL, Counting, Logged
from dynplug.train.step.on_each import BatchShards, on_each
from dynplug.train.step.train_step import Stepped, TrainState, train_step


class Sharded:
    """Stands for a `CompiledStep`, of which it takes the same arguments and gives the same results.

    A batch is cut along its samples, made up to a multiple of the devices by samples that count for nothing. All else
    is the same on each device.

    **Arguments:**

    - `program`: for one device.
    - `layout`: the axes of the data.
    - `devices`: the devices.
    """

    def __init__(self, program: CompiledStep, layout: Layout, devices: DeviceMesh):
        self._program, self._layout, self._devices = program, layout, devices
        self._bound = devices.copies(program.bound)

    def train(
        self,
        state: TrainState,
        x: PyTree,
        y: PyTree,
        carry: RunState | None,
        n: int,
        counting: Counting = ALL,
        *,
        keep: bool,
    ) -> Stepped:
        made = self._call(train_step if keep else train, n, state, (x, y), carry, counting)
        if jax.process_count() > 1:  # all see alike how a step went before any starts another
            made.state.ok.block_until_ready()
        return made

    def evaluate(
        self, params: PyTree, x: PyTree, y: PyTree, carry: RunState | None, n: int, counting: Counting = ALL
    ) -> tuple[RunState | None, Logged]:
        return self._call(evaluate, n, params, (x, y), carry, counting)

    def predict(
        self, params: PyTree, x: PyTree, carry: RunState | None, n: int
    ) -> tuple[RunState, PyTree, dict[str, PyTree]]:
        return whole_here(self._call(predict, n, params, (x,), carry, ALL))

    def shapes(self, params: PyTree, x: PyTree, samples: int) -> PyTree:
        return self._program.shapes(params, x, samples)

    def first_culprit(self, params: PyTree, x: PyTree, y: PyTree, carry: RunState | None, n: int) -> str | None:
        return self._program.first_culprit(whole_here(params), x, y, whole_here(carry), n)

    def gradient(self, params: PyTree, learned: PyTree, x: PyTree, y: PyTree) -> ClosedJaxpr:
        return self._program.gradient(whole_here(params), whole_here(learned), x, y)

    def planned(self, state: TrainState, x: PyTree, y: PyTree) -> Any:
        """The memory of a training step, on one of the devices."""
        return self.compiled(state, x, y).memory_analysis()

    def compiled(self, state: TrainState, x: PyTree, y: PyTree) -> Any:
        """A training step on a batch, as XLA has compiled it."""
        return on_each.lower(*self._arguments(train, 0, state, (x, y), None, ALL)).compile()

    def _call(self, function: Callable[..., Any], n: int, *given: PyTree) -> PyTree:
        with on_device_of(self._bound):
            return on_each(*self._arguments(function, n, *given))

    def _arguments(
        self,
        function: Callable[..., Any],
        n: int,
        alike: PyTree,
        data: PyTree,
        carry: RunState | None,
        counting: Counting,
    ) -> tuple[PyTree, ...]:
        first = jax.tree.leaves(data[0])[0]
        shards = BatchShards(self._devices, self._layout, first.shape[self._layout.samples(first.ndim)])
        pieces = tuple(self._devices.parts(tree, axis) for tree, axis in zip(data, shards.axes, strict=False))
        alike, counting = self._devices.copies((alike, counting))
        alike = self._bound, self._program.stream(n), alike
        return function, self._program.frozen, shards, alike, pieces, shards.placed(carry), counting
