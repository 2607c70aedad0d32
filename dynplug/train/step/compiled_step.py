"""The functions that a trainer calls for each batch, compiled once."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import Any, Protocol, runtime_checkable
from weakref import WeakValueDictionary

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr
from jax.typing import ArrayLike
from jaxtyping import Array, Key, PRNGKeyArray, PyTree

from dynplug.core import on_device_of, to_jax
from dynplug.timeloop import RunState
from dynplug.train.step.forward import Forward
from dynplug.train.step.nonfinite import first_culprit
from dynplug.train.step.objective import ALL, Counting, Logged
from dynplug.train.step.step_parts import StepParts
from dynplug.train.step.train_step import Stepped, TrainState, joined, train_step


@runtime_checkable
class Program(Protocol):
    """What an epoch calls: a `CompiledStep`, or what stands for one, with its arguments and results."""

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
    """

    def __init__(self, parts: StepParts, key: PRNGKeyArray, stream: tuple[int, ...], *, jit: bool = True):
        self._parts, self._key, self._stream, self._jit = parts, key, stream, jit
        self._fixed, self._arrays = _fixed(parts)

    @property
    def bound(self) -> tuple[list[ArrayLike], PRNGKeyArray]:
        """The arrays that are the same for all batches, and the trainer's key."""
        return self._arrays, self._key

    @property
    def fixed(self) -> "_Fixed":
        """All else that is."""
        return self._fixed

    def stream(self, n: int) -> np.ndarray:
        """What is folded into the key for batch `n`."""
        return np.array([*self._stream, n], np.uint32)

    def train(
        self,
        state: TrainState,
        x: PyTree,
        y: PyTree,
        run: RunState | None,
        n: int,
        counting: Counting = ALL,
        *,
        keep: bool,
    ) -> Stepped:
        """A training step on a batch, from the states `run` or from the start; with the states after it, if `keep`."""
        return self._call(train_step if keep else train, n, state, x, y, run, counting)

    def evaluate(
        self, params: PyTree, x: PyTree, y: PyTree, run: RunState | None, n: int, counting: Counting = ALL
    ) -> tuple[RunState | None, Logged]:
        """The states after a batch, and everything that is logged for it, without training on it."""
        return self._call(evaluate, n, params, x, y, run, counting)

    def predict(
        self, params: PyTree, x: PyTree, run: RunState | None, n: int
    ) -> tuple[RunState, PyTree, dict[str, PyTree]]:
        """The states after a batch, its outputs and its records."""
        return self._call(predict, n, params, x, run)

    def shapes(self, params: PyTree, x: PyTree, samples: int) -> PyTree:
        """The shapes and dtypes of the outputs for such inputs, batch first, with `samples` in a batch."""
        at = self._parts.forward.layout.samples
        stream = self.stream(0)
        one = jax.tree.map(lambda a: _struct(a, at(a.ndim), 1), x)  # of one sample, so that all data share the trace
        out = _compiled.eval_shape(_shapes, self._fixed, self._arrays, self._key, stream, params, one)
        return jax.tree.map(lambda a: _struct(a, 0, samples), out)

    def first_culprit(self, params: PyTree, x: PyTree, y: PyTree, run: RunState | None, n: int) -> str | None:
        """What is first not finite in a batch, before the loss."""
        parts = self._parts
        return first_culprit(parts.forward, parts.model(params), x, y, run, folded(self._key, *self._stream, n))

    def gradient(self, params: PyTree, learned: PyTree, x: PyTree, y: PyTree) -> ClosedJaxpr:
        """The program of the gradient of a batch, which is only looked at."""
        stream = self.stream(0)
        batch = jax.tree.map(to_jax, (params, learned, x, y))
        return jax.make_jaxpr(partial(called, _gradient, self._fixed))(self._arrays, self._key, stream, *batch)

    @cached_property
    def free(self) -> list[Any]:
        """The leaves in which programs that run as one may differ: arrays and numbers."""
        left = iter(self._arrays)
        rest = self._fixed.parts[0]
        return [next(left) if leaf is _HERE else leaf for leaf in rest if leaf is _HERE or type(leaf) is float]

    @cached_property
    def alike(self) -> "tuple[_Fixed, tuple[Any, ...]]":
        """What programs that run as one share: all else, and the shapes of those leaves."""
        rest, treedef = self._fixed.parts
        shapes = tuple((np.shape(leaf), getattr(leaf, "dtype", float)) for leaf in self.free)
        return _Fixed([_HERE if type(leaf) is float else leaf for leaf in rest], treedef), shapes

    def planned(self, state: TrainState, x: PyTree, y: PyTree) -> Any:
        """The memory of a training step on a batch, as XLA has planned it; `None` where it does not say."""
        stream = self.stream(0)
        batch = state, x, y, None, ALL
        return _compiled.lower(train, self._fixed, self._arrays, self._key, stream, *batch).compile().memory_analysis()

    def _call(self, function: Callable[..., Any], n: int, *batch: PyTree) -> PyTree:
        with on_device_of(batch):
            return self._call_here(function, self.stream(n), *batch)

    def _call_here(self, function: Callable[..., Any], stream: Any, *batch: PyTree) -> PyTree:
        if self._jit:
            return _compiled(function, self._fixed, self._arrays, self._key, stream, *batch)
        return called(function, self._fixed, self._arrays, self._key, stream, *jax.tree.map(jnp.asarray, batch))


def train(parts: StepParts, key: PRNGKeyArray, state: TrainState, *batch: PyTree) -> Stepped:
    """A training step on a batch, without the states after it."""
    return train_step(parts, key, state, *batch)._replace(run=None)


def evaluate(
    parts: StepParts, key: PRNGKeyArray, params: PyTree, x: PyTree, y: PyTree, run: RunState | None, counting: Counting
) -> tuple[RunState | None, Logged]:
    """The states after a batch, and what is logged for it."""

    def measured(params: PyTree) -> PyTree:
        after, logged = parts.objective(parts.forward, parts.model(params), x, y, key, run, counting)[1]
        return after, parts.objective.total(logged)

    return parts.forward.precision.products(measured)(params)


def predict(
    parts: StepParts, key: PRNGKeyArray, params: PyTree, x: PyTree, run: RunState | None, counting: Counting = ALL
) -> tuple[RunState, PyTree, dict[str, PyTree]]:
    """The states after a batch, its outputs and its records."""
    forward = parts.forward
    ends = counting.ends(x, forward.layout)
    return forward.precision.products(lambda params: forward(parts.model(params), x, key, run, ends))(params)


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


def called(
    function: Callable[..., Any], fixed: "_Fixed", arrays: PyTree, key: PRNGKeyArray, stream: Any, *batch: PyTree
) -> PyTree:
    """A function of the parts of a program, of the key for a batch and of the batch."""
    return function(fixed.filled(arrays), folded(key, *(stream[i] for i in range(len(stream)))), *batch)


_compiled = jax.jit(called, static_argnums=(0, 1))


class Together:
    """Several programs as one, along a first axis of everything that is not the same for all of them.

    **Arguments:**

    - `programs`: whose `alike` are equal: they differ in arrays and numbers alone. A number that all share stays
        compiled in, one that differs is traced.
    """

    def __init__(self, programs: Sequence[CompiledStep]):
        rest, treedef = programs[0].alike[0].parts
        columns = zip(*(program.free for program in programs), strict=True)
        kept, self._own, self._shared, differ = [], [], [], []
        for leaf in rest:
            column = next(columns) if leaf is _HERE else (leaf,)
            if leaf is not _HERE or (type(leaf := column[0]) is float and all(one == leaf for one in column)):
                kept.append(leaf)
                continue
            kept.append(_HERE)
            differ.append(any(one is not leaf for one in column))
            if differ[-1]:
                self._own.append(jnp.stack([jnp.asarray(one) for one in column]))
            else:
                self._shared.append(leaf)
        self._fixed, self._differ = _interned(_Fixed(kept, treedef)), tuple(differ)
        self._keys = jnp.stack([program._key for program in programs])
        self._streams = [program._stream for program in programs]

    def train(self, numbers: Sequence[int], batch: PyTree, *, keep: bool) -> Stepped:
        """A training step of each on its batch, all arguments of which are stacked."""
        return self._call(train_step if keep else train, numbers, batch)

    def evaluate(self, numbers: Sequence[int], batch: PyTree) -> tuple[RunState | None, Logged]:
        """What each logs of its batch, likewise."""
        return self._call(evaluate, numbers, batch)

    def _call(self, function: Callable[..., Any], numbers: Sequence[int], batch: PyTree) -> PyTree:
        streams = np.array([[*stream, n] for stream, n in zip(self._streams, numbers, strict=True)], np.uint32)
        return _mapped(function, self._fixed, self._differ, self._own, self._shared, self._keys, streams, batch)


@partial(jax.jit, static_argnums=(0, 1, 2))
def _mapped(
    function: Callable[..., Any],
    fixed: "_Fixed",
    differ: tuple[bool, ...],
    own: list[ArrayLike],
    shared: list[ArrayLike],
    keys: Key[Array, "lanes"],
    streams: Any,
    batch: PyTree,
) -> PyTree:
    def one(own: list[ArrayLike], key: PRNGKeyArray, stream: Any, batch: PyTree) -> PyTree:
        mine, ours = iter(own), iter(shared)
        arrays = [next(mine) if differs else next(ours) for differs in differ]
        return called(function, fixed, arrays, key, stream, *batch)

    return jax.vmap(one)(own, keys, streams, batch)


class _Fixed:
    """What a program is made for, but for its arrays, which are traced: by this programs are told apart."""

    def __init__(self, leaves: list[Any], treedef: Any):
        self._rest, self._treedef = leaves, treedef
        self._value = treedef, *((type(leaf), leaf) for leaf in leaves)
        self._hash = hash(self._value)  # once: the hot path asks for it at every step

    def filled(self, arrays: PyTree) -> PyTree:
        """The tree, with `arrays` in its places for arrays."""
        left = iter(arrays)
        return jax.tree.unflatten(self._treedef, [next(left) if leaf is _HERE else leaf for leaf in self._rest])

    @property
    def parts(self) -> tuple[list[PyTree], PyTree]:
        """The leaves, with `_HERE` in the place of each array, and the structure."""
        return self._rest, self._treedef

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, _Fixed) and self._value == other._value)

    def __hash__(self) -> int:
        return self._hash


def _fixed(tree: PyTree) -> tuple[_Fixed, list[ArrayLike]]:
    """What is fixed in a tree, the same object for equal trees, and its arrays."""
    leaves, treedef = jax.tree.flatten(tree)
    fixed = _Fixed([_HERE if _is_array(leaf) else leaf for leaf in leaves], treedef)
    return _interned(fixed), [leaf for leaf in leaves if _is_array(leaf)]


def _interned(fixed: _Fixed) -> _Fixed:
    """The same object for equal ones."""
    return _KNOWN.setdefault(fixed, fixed)


_KNOWN: WeakValueDictionary[_Fixed, _Fixed] = WeakValueDictionary()
_HERE = object()


def _is_array(leaf: Any) -> bool:
    return isinstance(leaf, (jax.Array, np.ndarray, np.generic))
