"""The functions that a trainer calls for each batch, compiled once."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr
from jaxtyping import PRNGKeyArray

from dynplug.core import on_device_of
from dynplug.timeloop import RunState
from dynplug.train.step.bounds import Bounds
from dynplug.train.step.forward import Forward
from dynplug.train.step.nonfinite import first_culprit
from dynplug.train.step.objective import ALL, Counting, Logged, Objective
from dynplug.train.step.tracking import Tracking
from dynplug.train.step.train_step import Stepped, TrainState, joined, train_step


class CompiledStep:
    """A trainer's functions for one phase. What is the same for all batches is bound, and looked at, once.

    Two programs of equal parts share what is compiled. The number `n` of a batch belongs to its random numbers.

    **Arguments:**

    - `forward`, `objective`, `optimizer`, `bounds`, `static`: as for `train_step`.
    - `key`: of the trainer; `stream`, numbers that are folded into it, and then that of the batch.
    - `jit`: whether the functions are compiled.
    - `tracking`: as for `train_step`.
    """

    def __init__(
        self,
        forward: Forward,
        objective: Objective,
        optimizer: Any,
        bounds: Bounds,
        static: Any,
        key: PRNGKeyArray,
        stream: tuple[int, ...],
        *,
        jit: bool = True,
        tracking: Tracking | None = None,
    ):
        self._fixed, self._arrays = _fixed((forward, objective, optimizer, bounds, tracking, static))
        self._key, self._stream, self._jit = key, stream, jit

    def train(
        self, state: TrainState, x: Any, y: Any, run: RunState | None, n: int, counting: Counting = ALL, *, keep: bool
    ) -> Stepped:
        """A training step on a batch, from the states `run` or from the start; with the states after it, if `keep`."""
        return self._call(_train_and_keep if keep else _train, n, state, x, y, run, counting)

    def evaluate(
        self, params: Any, x: Any, y: Any, run: RunState | None, n: int, counting: Counting = ALL
    ) -> tuple[RunState | None, Logged]:
        """The states after a batch, and everything that is logged for it, without training on it."""
        return self._call(_evaluate, n, params, x, y, run, counting)

    def predict(self, params: Any, x: Any, run: RunState | None, n: int) -> tuple[RunState, Any, dict[str, Any]]:
        """The states after a batch, its outputs and its records."""
        return self._call(_predict, n, params, x, run)

    def shapes(self, params: Any, x: Any, samples: int) -> Any:
        """The shapes and dtypes of the outputs for such inputs, batch first, with `samples` in a batch."""
        at = self._fixed.filled(self._arrays)[0].layout.samples
        stream = np.array([*self._stream, 0], np.uint32)
        one = jax.tree.map(lambda a: _struct(a, at(a.ndim), 1), x)  # of one sample, so that all data share the trace
        out = _compiled.eval_shape(_shapes, self._fixed, self._arrays, self._key, stream, params, one)
        return jax.tree.map(lambda a: _struct(a, 0, samples), out)

    def first_culprit(self, params: Any, x: Any, y: Any, run: RunState | None, n: int) -> str | None:
        """What is first not finite in a batch, before the loss."""
        forward, *_, static = self._fixed.filled(self._arrays)
        return first_culprit(forward, eqx.combine(params, static), x, y, run, folded(self._key, *self._stream, n))

    def gradient(self, params: Any, learned: Any, x: Any, y: Any) -> ClosedJaxpr:
        """The program of the gradient of a batch, which is only looked at."""
        stream = np.array([*self._stream, 0], np.uint32)
        batch = jax.tree.map(jnp.asarray, (params, learned, x, y))
        return jax.make_jaxpr(partial(_called, _gradient, self._fixed))(self._arrays, self._key, stream, *batch)

    def planned(self, state: TrainState, x: Any, y: Any) -> Any:
        """The memory of a training step on a batch, as XLA has planned it; `None` where it does not say."""
        stream = np.array([*self._stream, 0], np.uint32)
        batch = state, x, y, None, ALL
        return _compiled.lower(_train, self._fixed, self._arrays, self._key, stream, *batch).compile().memory_analysis()

    def _call(self, function: Callable[..., Any], n: int, *batch: Any) -> Any:
        stream = np.array([*self._stream, n], np.uint32)
        with on_device_of(batch):
            return self._call_here(function, stream, *batch)

    def _call_here(self, function: Callable[..., Any], stream: Any, *batch: Any) -> Any:
        if self._jit:
            return _compiled(function, self._fixed, self._arrays, self._key, stream, *batch)
        return _called(function, self._fixed, self._arrays, self._key, stream, *jax.tree.map(jnp.asarray, batch))


def _train_and_keep(parts: Any, key: PRNGKeyArray, state: TrainState, *batch: Any) -> Stepped:
    forward, objective, optimizer, bounds, tracking, static = parts
    x, y, run, counting = batch
    return train_step(forward, objective, optimizer, bounds, static, state, x, y, run, key, counting, tracking)


def _train(parts: Any, key: PRNGKeyArray, state: TrainState, *batch: Any) -> Stepped:
    return _train_and_keep(parts, key, state, *batch)._replace(run=None)


def _gradient(parts: Any, key: PRNGKeyArray, params: Any, learned: Any, x: Any, y: Any) -> list[Any]:
    forward, objective, *_, static = parts
    forward = _plain(forward)

    def loss(p: Any) -> Any:
        model = forward.settled(eqx.combine(joined(p, learned), static), x, key)
        return objective(forward, model, x, y, key, None)[0]

    return jax.tree.leaves(jax.grad(loss)(params))


def _evaluate(parts: Any, key: PRNGKeyArray, params: Any, *batch: Any) -> Any:
    forward, objective, *_, static = parts
    x, y, run, counting = batch

    def measured(params: Any) -> Any:
        return objective(forward, eqx.combine(params, static), x, y, key, run, counting)[1]

    return forward.precision.products(measured)(params)


def _predict(parts: Any, key: PRNGKeyArray, params: Any, x: Any, run: RunState | None) -> Any:
    forward, *_, static = parts
    return forward.precision.products(lambda params: forward(eqx.combine(params, static), x, key, run))(params)


def _shapes(parts: Any, key: PRNGKeyArray, params: Any, x: Any) -> Any:
    forward, *_, static = parts
    _, out, _ = _plain(forward)(eqx.combine(params, static), x, key)
    return forward.layout.batch_first(out, ())[0]


def _plain(forward: Forward) -> Forward:
    """The same by a loop that is quicker to trace, and simpler to look at."""
    return replace(forward, loop=replace(forward.loop, loop="plain", remat=False))


def _struct(a: Any, axis: int, length: int) -> jax.ShapeDtypeStruct:
    shape = (*a.shape[:axis], length, *a.shape[axis + 1 :])
    return jax.ShapeDtypeStruct(shape, jax.dtypes.canonicalize_dtype(a.dtype))


def folded(key: PRNGKeyArray, *stream: Any) -> PRNGKeyArray:
    """A key with numbers folded into it, one after the other."""
    for n in stream:
        key = jax.random.fold_in(key, n)
    return key


def _called(
    function: Callable[..., Any], fixed: "_Fixed", arrays: Any, key: PRNGKeyArray, stream: Any, *batch: Any
) -> Any:
    return function(fixed.filled(arrays), folded(key, *(stream[i] for i in range(len(stream)))), *batch)


_compiled = jax.jit(_called, static_argnums=(0, 1))


class _Fixed:
    """What a program is made for, but for its arrays, which are traced: by this programs are told apart."""

    def __init__(self, leaves: list[Any], treedef: Any):
        self._rest, self._treedef = leaves, treedef
        self._value = treedef, *((type(leaf), leaf) for leaf in leaves)
        self._hash = hash(self._value)  # once: the hot path asks for it at every step

    def filled(self, arrays: Any) -> Any:
        """The tree, with `arrays` in its places for arrays."""
        left = iter(arrays)
        return jax.tree.unflatten(self._treedef, [next(left) if leaf is _HERE else leaf for leaf in self._rest])

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, _Fixed) and self._value == other._value)

    def __hash__(self) -> int:
        return self._hash


def _fixed(tree: Any) -> tuple[_Fixed, list[Any]]:
    """What is fixed in a tree, the same object for equal trees, and its arrays."""
    leaves, treedef = jax.tree.flatten(tree)
    fixed = _Fixed([_HERE if _is_array(leaf) else leaf for leaf in leaves], treedef)
    return _KNOWN.setdefault(fixed, fixed), [leaf for leaf in leaves if _is_array(leaf)]


_KNOWN: WeakValueDictionary[_Fixed, _Fixed] = WeakValueDictionary()
_HERE = object()


def _is_array(leaf: Any) -> bool:
    return isinstance(leaf, (jax.Array, np.ndarray, np.generic))
