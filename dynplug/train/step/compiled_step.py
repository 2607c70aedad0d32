"""The functions that a trainer calls for each batch, compiled once."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr
from jax.typing import ArrayLike
from jaxtyping import Array, PRNGKeyArray, PyTree

from dynplug.core import on_device_of, to_jax
from dynplug.timeloop import RunState
from dynplug.train.step.forward import Forward
from dynplug.train.step.frozen_tree import FrozenTree, frozen
from dynplug.train.step.nonfinite import first_culprit
from dynplug.train.step.objective import ALL, Counting, Logged
from dynplug.train.step.step_parts import StepParts
from dynplug.train.step.train_step import Stepped, TrainState, joined, train_step


@runtime_checkable
class StepProgram(Protocol):
    """The functions that an epoch calls: those of a `CompiledStep`, or others with its arguments and results."""

    train: Callable[..., Stepped]
    evaluate: Callable[..., tuple[RunState | None, Logged]]
    predict: Callable[..., tuple[RunState, Any, dict[str, Any]]]
    shapes: Callable[..., Any]
    first_culprit: Callable[..., str | None]
    gradient: Callable[..., ClosedJaxpr]
    planned: Callable[..., Any]


class CompiledStep:
    """A trainer's functions for one phase. What is the same for all batches is bound, and looked at, once.

    Two programs of equal parts share what is compiled. The number `n` of a batch belongs to its random numbers.

    **Arguments:**

    - `parts`: of a step.
    - `key`: of the trainer; `stream`, numbers that are folded into it, and then that of the batch.
    - `jit`: whether the functions are compiled.

    **Attributes:** `frozen`, the parts without their arrays.
    """

    def __init__(self, parts: StepParts, key: PRNGKeyArray, stream: tuple[int, ...], *, jit: bool = True):
        self._parts, self._key, self._stream, self._jit = parts, key, stream, jit
        self.frozen, self._arrays = frozen(parts)

    @property
    def bound(self) -> tuple[list[ArrayLike], PRNGKeyArray]:
        """The arrays of the parts, and the trainer's key."""
        return self._arrays, self._key

    def stream(self, n: int) -> np.ndarray:
        """The numbers to fold into the key for batch `n`."""
        return np.array([*self._stream, n], np.uint32)

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
        """A training step on a batch, from `carry` or from the start; with the carry after it, if `keep`."""
        return self._call(train_step if keep else train, n, state, x, y, carry, counting)

    def evaluate(
        self, params: PyTree, x: PyTree, y: PyTree, carry: RunState | None, n: int, counting: Counting = ALL
    ) -> tuple[RunState | None, Logged]:
        """The states after a batch, and everything that is logged for it, without training on it."""
        return self._call(evaluate, n, params, x, y, carry, counting)

    def predict(
        self, params: PyTree, x: PyTree, carry: RunState | None, n: int
    ) -> tuple[RunState, PyTree, dict[str, PyTree]]:
        """The states after a batch, its outputs and its records."""
        return self._call(predict, n, params, x, carry)

    def shapes(self, params: PyTree, x: PyTree, samples: int) -> PyTree:
        """The shapes and dtypes of the outputs for such inputs, batch first, with `samples` in a batch."""
        at = self._parts.forward.layout.samples
        stream = self.stream(0)
        one = jax.tree.map(lambda a: _struct(a, at(a.ndim), 1), x)  # of one sample, so that all data share the trace
        out = _compiled.eval_shape(_shapes, self.frozen, self._arrays, self._key, stream, params, one)
        return jax.tree.map(lambda a: _struct(a, 0, samples), out)

    def first_culprit(self, params: PyTree, x: PyTree, y: PyTree, carry: RunState | None, n: int) -> str | None:
        """The first value in a batch, before the loss, that is not finite, in words."""
        parts = self._parts
        return first_culprit(parts.forward, parts.model(params), x, y, carry, folded(self._key, *self._stream, n))

    def gradient(self, params: PyTree, learned: PyTree, x: PyTree, y: PyTree) -> ClosedJaxpr:
        """The program of the gradient of a batch, which is only looked at."""
        stream = self.stream(0)
        batch = jax.tree.map(to_jax, (params, learned, x, y))
        return jax.make_jaxpr(partial(with_parts, _gradient, self.frozen))(self._arrays, self._key, stream, *batch)

    def planned(self, state: TrainState, x: PyTree, y: PyTree) -> Any:
        """The memory of a training step on a batch, as XLA has planned it; `None` where it does not say."""
        stream = self.stream(0)
        batch = state, x, y, None, ALL
        return _compiled.lower(train, self.frozen, self._arrays, self._key, stream, *batch).compile().memory_analysis()

    def _call(self, function: Callable[..., Any], n: int, *batch: PyTree) -> PyTree:
        with on_device_of(batch):
            return self._call_here(function, self.stream(n), *batch)

    def _call_here(self, function: Callable[..., Any], stream: ArrayLike, *batch: PyTree) -> PyTree:
        if self._jit:
            return _compiled(function, self.frozen, self._arrays, self._key, stream, *batch)
        return with_parts(function, self.frozen, self._arrays, self._key, stream, *jax.tree.map(jnp.asarray, batch))


def train(parts: StepParts, key: PRNGKeyArray, state: TrainState, *batch: PyTree) -> Stepped:
    """A training step on a batch, without the states after it."""
    return train_step(parts, key, state, *batch)._replace(carry=None)


def evaluate(
    parts: StepParts,
    key: PRNGKeyArray,
    params: PyTree,
    x: PyTree,
    y: PyTree,
    carry: RunState | None,
    counting: Counting,
) -> tuple[RunState | None, Logged]:
    """The states after a batch, and what is logged for it."""

    def measured(params: PyTree) -> PyTree:
        after, logged = parts.objective(parts.forward, parts.model(params), x, y, key, carry, counting)[1]
        return after, parts.objective.total(logged)

    return parts.forward.precision.products(measured)(params)


def predict(
    parts: StepParts, key: PRNGKeyArray, params: PyTree, x: PyTree, carry: RunState | None, counting: Counting = ALL
) -> tuple[RunState, PyTree, dict[str, PyTree]]:
    """The states after a batch, its outputs and its records."""
    forward = parts.forward
    ends = counting.ends(x, forward.layout)
    return forward.precision.products(lambda params: forward(parts.model(params), x, key, carry, ends))(params)


def _gradient(
    parts: StepParts, key: PRNGKeyArray, params: PyTree, learned: PyTree, x: PyTree, y: PyTree
) -> list[ArrayLike]:
    forward = _plain(parts.forward)

    def loss(p: PyTree) -> Any:
        model = forward.settled(parts.model(joined(p, learned)), x, key)
        return parts.objective(forward, model, x, y, key, None)[0]

    return jax.tree.leaves(jax.grad(loss)(params))


def _shapes(parts: StepParts, key: PRNGKeyArray, params: PyTree, x: PyTree) -> PyTree:
    forward = _plain(parts.forward)
    _, out, _ = forward(parts.model(params), x, key)
    return forward.layout.batch_first(out, ())[0]


def _plain(forward: Forward) -> Forward:
    """The same by a loop that is quicker to trace, and simpler to look at."""
    return replace(forward, loop=replace(forward.loop, loop="plain", remat=False))


def _struct(a: Array | np.ndarray | jax.ShapeDtypeStruct, axis: int, length: int) -> jax.ShapeDtypeStruct:
    shape = (*a.shape[:axis], length, *a.shape[axis + 1 :])
    return jax.ShapeDtypeStruct(shape, jax.dtypes.canonicalize_dtype(a.dtype))


def folded(key: PRNGKeyArray, *stream: Any) -> PRNGKeyArray:
    """A key with numbers folded into it, one after the other."""
    for n in stream:
        key = jax.random.fold_in(key, n)
    return key


def with_parts(
    function: Callable[..., Any], frozen: FrozenTree, arrays: Sequence[Any], key: PRNGKeyArray, stream: Any, *batch: Any
) -> PyTree:
    """Call a function with the parts of a step, the key for a batch, and the batch.

    **Arguments:**

    - `function`: `train_step`, `train`, `evaluate` or `predict`.
    - `frozen`, `arrays`: the parts, taken apart.
    - `key`, `stream`: the trainer's key, and what is folded into it.
    - `batch`: all other arguments.
    """
    return function(frozen.filled(arrays), folded(key, *(stream[i] for i in range(len(stream)))), *batch)


# The arrays of the parts are traced, and all else is static. `equinox.filter_jit` would take the parts apart at every
# step: the small network of examples/benchmarks/fit_overhead.py then takes 1.6 times as much processor time a step, and
# the thread that starts it 2.6 times as much.
_compiled = jax.jit(with_parts, static_argnums=(0, 1))
