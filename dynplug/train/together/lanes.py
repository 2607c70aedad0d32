"""One trainer's part of what several compute at once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from dynplug.train.step import ALL, CompiledStep, Counting, Logged, Stepped, TrainState


@dataclass(eq=False)
class Stack:
    """The states of all trainers after a step, along a first axis; taken apart only where one is looked at."""

    state: TrainState
    ok: np.ndarray

    @cached_property
    def rows(self) -> list[TrainState]:
        """The state of each."""
        return _rows(self.state)


class LaneState:
    """The `TrainState` of one trainer in a stack. **Attributes:** as those of `TrainState`."""

    def __init__(self, stack: Stack, lane: int):
        self.stack, self.lane, self.ok = stack, lane, _Flag(bool(stack.ok[lane]))

    @property
    def whole(self) -> TrainState:
        """The state by itself."""
        return self.stack.rows[self.lane]

    @property
    def params(self) -> PyTree:
        return self.whole.params

    @property
    def optimizer(self) -> PyTree:
        return self.whole.optimizer

    @property
    def learned(self) -> PyTree:
        return self.whole.learned

    @property
    def average(self) -> PyTree:
        return self.whole.average

    @property
    def tested(self) -> PyTree:
        return self.whole.tested

    def moved_to(self, params: PyTree, learned: PyTree) -> TrainState:
        return self.whole.moved_to(params, learned)

    def going_on(self) -> TrainState:
        return self.whole.going_on()

    @property
    def values(self) -> PyTree:
        return self.whole.values


class _Flag:
    """A flag that is there already, with what is asked of one that is on its way."""

    def __init__(self, value: bool):
        self._value = value

    def __bool__(self) -> bool:
        return self._value

    def is_ready(self) -> bool:
        return True

    def block_until_ready(self) -> None:
        """Nothing to wait for."""


class LaneProgram:
    """A trainer's `CompiledStep` whose steps are asked for at a rendezvous; all else is its own.

    **Arguments:**

    - `program`: by itself.
    - `ask`: brings a request to the rendezvous.
    """

    def __init__(self, program: CompiledStep, ask: Callable[[Any], Any]):
        self._program, self._ask = program, ask
        self.predict, self.shapes = program.predict, program.shapes
        self.first_culprit, self.gradient = program.first_culprit, program.gradient

    def train(
        self, state: PyTree, x: PyTree, y: PyTree, carry: PyTree, n: int, counting: Counting = ALL, *, keep: bool
    ) -> Stepped:
        """As `CompiledStep.train`."""
        return self._ask(Request("train", keep, self._program, n, state, (x, y, carry, counting)))

    def evaluate(
        self, params: PyTree, x: PyTree, y: PyTree, carry: PyTree, n: int, counting: Counting = ALL
    ) -> tuple[None, Logged]:
        """As `CompiledStep.evaluate`, but for the states, which nobody goes on from."""
        return self._ask(Request("evaluate", False, self._program, n, params, (x, y, carry, counting)))

    def planned(self, state: PyTree, x: PyTree, y: PyTree) -> Any:
        """As `CompiledStep.planned`."""
        return self._program.planned(getattr(state, "whole", state), x, y)


@dataclass(frozen=True)
class Request:
    """A step that a trainer asks for: the phase, its program, the number of the batch, the state or the parameters, and
    the rest of the arguments.
    """

    phase: str
    keep: bool
    program: CompiledStep
    number: int
    state: Any
    batch: tuple[Any, ...]

    @property
    def kind(self) -> Any:
        """A key that calls share which can be computed at once."""
        return self.phase, self.keep, jax.tree.structure(self.batch), tuple(map(np.shape, jax.tree.leaves(self.batch)))


def stacked(trees: Sequence[Any]) -> Any:
    """Trees of arrays as one, along a new first axis."""
    host = all(isinstance(leaf, np.ndarray) for leaf in jax.tree.leaves(trees[0]))
    return jax.tree.map(lambda *leaves: np.stack(leaves) if host else jnp.stack(leaves), *trees)


def state_of(states: Mapping[int, Any], lanes: Sequence[int]) -> Any:
    """The stack that the states of lanes are rows of, or else a new one, with a row for each of `lanes`."""
    stack = getattr(next(iter(states.values())), "stack", None)
    if stack is not None and all(getattr(s, "stack", None) is stack and s.lane == n for n, s in states.items()):
        return stack.state
    return stacked([getattr(states[lane], "whole", states[lane]) for lane in lanes])


@jax.jit
def _rows(tree: PyTree) -> list[Any]:
    return [jax.tree.map(lambda a, n=n: a[n], tree) for n in range(len(jax.tree.leaves(tree)[0]))]


def row(tree: PyTree, lane: int) -> Any:
    """One row of a tree of arrays."""
    return jax.tree.map(lambda a: a[lane], tree)
