"""A system carried through time: its time step, with context, keys and batch, as a step of `scan`."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, PRNGKeyArray, PyTree

from dynplug.core import (
    Context,
    DynamicalSystem,
    NoTime,
    as_dt,
    as_t0,
    check_key,
    leaves,
    on_device_of,
    uncompiled,
    updated,
)
from dynplug.errors import CompositionError, OptionError, ShapeError, StateError
from dynplug.timeloop.analysis import analyse
from dynplug.timeloop.explain import describe
from dynplug.timeloop.plan import check_options
from dynplug.timeloop.run_state import RunState, as_index, check_carry, check_model, check_state
from dynplug.timeloop.scan import scan

_COARSE = 0.1  # the largest rounding error of a time in a run, in steps; chosen
_TOO_LATE = (
    "in this run times become so large that {} cannot tell one step from the next: read ctx.phase(frequency) or "
    "ctx.since(time), which stay exact, or compute in float64."
)
BATCH = "batch"  # the name of the axis of samples
_START = 0xFFFFFFFF  # folded into the key for the initial state, as step i folds in i


class Loop(eqx.Module):
    """Carries a system through time. Time is the first axis of all inputs and outputs, the batch, if any, the second.

    **Arguments:**

    - `dt`: the step [ms].
    - `t0`: the time at step 0 [ms].
    - `batched`: whether states have a leading batch axis, and inputs and outputs one after time.
    - `fit`: whether a trainer is fitting the model.
    - `shared`: the user's own arguments, for `ctx.shared`; a `fit` among them goes to `ctx.fit`. Numbers are traced, as
        arrays are; everything else is static.
    - `loop`: the way to compile the loop: `"auto"`, `"step"`, `"layer"` or `"plain"`.
    - `remat`: whether the backward pass recomputes chunks of the forward pass, to save memory; an integer is the number
        of steps in a chunk.
    - `coarse`: whether times are too large for their dtype, so that reading `ctx.t` is an error; `up_to` sets it.
    - `over`: the name of the mesh's axis along which the samples of a batch lie, where this is one device's part of it.
    """

    dt: float = eqx.field(static=True)
    t0: float = eqx.field(static=True, default=0.0)
    batched: bool = eqx.field(static=True, default=False)
    fit: bool = eqx.field(static=True, default=False)
    shared: Mapping[str, Any] = eqx.field(default_factory=dict[str, Any], converter=lambda s: traced_numbers(s))
    loop: str = eqx.field(static=True, default="auto")
    remat: bool | int = eqx.field(static=True, default=False)
    coarse: bool = eqx.field(static=True, default=False)
    over: str | None = eqx.field(static=True, default=None)

    def __check_init__(self) -> None:
        as_dt(self.dt)
        as_t0(self.t0)

    def up_to(self, system: DynamicalSystem, end: int) -> "Loop":
        """The loop for a run whose last step is the one before `end`.

        **Raises:** `DurationError` if the step index would overflow.
        """
        as_index(end)
        latest = max(abs(self.t0), abs(self.t0 + end * self.dt))
        error = latest * float(jnp.finfo(floating_dtype(system)).eps) / 2.0
        return dataclasses.replace(self, coarse=error > _COARSE * self.dt)

    def start(
        self,
        system: DynamicalSystem,
        *,
        i0: int = 0,
        batch_size: int | None = None,
        key: PRNGKeyArray | None = None,
        dtype: DTypeLike | None = None,
    ) -> RunState:
        """The state before the first step."""
        check_key(key)
        i = as_index(i0)
        dtype = floating_dtype(system) if dtype is None else dtype

        def one(key: PRNGKeyArray | None) -> PyTree:
            with _explained(self.shared, self.over):
                return jax.tree.map(jnp.asarray, system.init_state(self._context(i, key, dtype)))

        key = None if key is None else jax.random.fold_in(key, _START)
        if batch_size is None:
            return RunState(i, uncompiled(lambda *_: one(key), system, key), dt=self.dt)
        keys = None if key is None else self._keys(key, batch_size, self._place)
        many = uncompiled(lambda *_: jax.vmap(one, axis_size=batch_size)(keys), system, keys)
        return RunState(i, many, dt=self.dt)

    def advance(
        self,
        system: DynamicalSystem,
        state: RunState,
        xs: PyTree,
        length: int,
        *,
        key: PRNGKeyArray | None = None,
        hold: bool = False,
        read: Callable[[PyTree], PyTree] = lambda state: None,
        lengths: Array | None = None,
    ) -> tuple[RunState, tuple[PyTree, PyTree]]:
        """Run `length` steps from `state`: the state after them, all outputs, and what `read` returns for each state.

        With `hold`, `xs` is the input of one step, the same at all steps. With `lengths`, only so many steps of each
        sample count, which systems hear as `ctx.valid`.
        """
        check_state(state, self.dt)
        xs = _of_dtype(xs, floating_dtype(system))
        ends = None if lengths is None else state.i + lengths
        step = self._step(system, xs, key, hold, read, ends)
        carry, given = (state.i, state.system), None if hold else xs
        (i, s), recorded = scan(step, carry, given, length, loop=self.loop, remat=self.remat)
        return RunState(i, s, dt=self.dt), recorded

    def step(
        self,
        system: DynamicalSystem,
        state: RunState,
        x: PyTree,
        *,
        key: PRNGKeyArray | None = None,
        read: Callable[[PyTree], PyTree] = lambda state: None,
    ) -> tuple[RunState, tuple[PyTree, PyTree]]:
        """The step of `advance` alone, without a loop around it."""
        check_state(state, self.dt)
        x = _of_dtype(x, floating_dtype(system))
        (i, s), recorded = self._step(system, x, key, True, read)((state.i, state.system), None)
        return RunState(i, s, dt=self.dt), recorded

    def explain(
        self,
        system: DynamicalSystem,
        state: RunState,
        xs: PyTree,
        length: int,
        *,
        key: PRNGKeyArray | None = None,
        hold: bool = False,
        read: Callable[[PyTree], PyTree] = lambda state: None,
    ) -> str:
        """The plan of `advance` for the same arguments, as text."""
        check_options(self.loop, self.remat)
        xs = _of_dtype(xs, floating_dtype(system))
        step = self._step(system, xs, key, hold, read)
        carry, given = (state.i, state.system), None if hold else xs
        with on_device_of((system, state)):
            loop = analyse(step, carry, given, length, False, self.loop, self.remat)
        return describe(loop, ["i", *(leaf.path for leaf in leaves(state.system))], length)

    def _step(
        self,
        system: DynamicalSystem,
        xs: PyTree,
        key: PRNGKeyArray | None,
        hold: bool,
        read: Callable[[PyTree], PyTree],
        ends: Array | None = None,
    ) -> Callable[[tuple[Array, PyTree], PyTree], tuple[tuple[Array, PyTree], tuple[PyTree, PyTree]]]:
        """One step: from index, state and input to the next index and state, the output, and what `read` returns."""
        check_key(key)
        dtype, place = floating_dtype(system), self._place

        def one(
            s: PyTree, x: PyTree, key: PRNGKeyArray | None, i: Array, end: Array | None = None
        ) -> tuple[PyTree, PyTree, PyTree]:
            new, out = updated(system, s, x, self._context(i, key, dtype, None if end is None else i < end))
            return new, out, read(new)

        def step(carry: tuple[Array, PyTree], x: PyTree) -> tuple[tuple[Array, PyTree], tuple[PyTree, PyTree]]:
            i, s = carry
            x = xs if hold else x
            step_key = None if key is None else jax.random.fold_in(key, i)
            with _explained(self.shared, self.over), self._of_its_own(system, s):
                if self.batched:
                    size = _batch_size(s, x)
                    keys = None if step_key is None else self._keys(step_key, size, place)
                    many = jax.vmap(one, in_axes=(0, 0, 0, None, 0), axis_size=size, axis_name=self._axes[0])
                    new, out, seen = many(s, x, keys, i, ends)
                else:
                    new, out, seen = one(s, x, step_key, i)
            check_carry(s, new)
            return (i + 1, new), (out, seen)

        return step

    @contextmanager
    def _of_its_own(self, system: DynamicalSystem, state: PyTree) -> Iterator[None]:
        """Explain the error of a step that was given the state of another model."""
        try:
            yield
        except StateError:
            raise
        except Exception:
            start = self._start_shapes(system)
            if start is not None:
                check_model(state, start.system, batched=self.batched)
            raise

    def _start_shapes(self, system: DynamicalSystem) -> RunState | None:
        """The shapes of one sample's state before the first step; `None` if even these cannot be computed."""
        one = dataclasses.replace(self, batched=False, over=None)
        with suppress(Exception):
            return eqx.filter_eval_shape(lambda: one.start(system, key=jax.random.key(0)))
        return None

    @property
    def _axes(self) -> tuple[str, ...]:
        """The names of the axes of samples. On several devices none is `BATCH`, which would be but a part of it."""
        return (BATCH,) if self.over is None else (f"{BATCH} of one device", self.over)

    @property
    def _place(self) -> Array | None:
        """The number of this device. It is asked for in front of a loop: in it, it would be an effect of the step."""
        return None if self.over is None else jax.lax.axis_index(self.over)

    def _keys(self, key: PRNGKeyArray, size: int, place: Array | None) -> Array:
        """A key a sample, which depends on its number in the whole batch alone."""
        if place is None:
            return jax.random.split(key, size)
        numbers = place * size + jnp.arange(size, dtype=jnp.int32)
        return jax.vmap(jax.random.fold_in, in_axes=(None, 0))(key, numbers)  # the same as the keys of `split`

    def _context(self, i: Array, key: PRNGKeyArray | None, dtype: DTypeLike, valid: Array | None = None) -> Context:
        shared = dict(self.shared)
        fit = bool(shared.pop("fit", self.fit))
        t = NoTime("t", _TOO_LATE.format(dtype)) if self.coarse else self.t0 + i.astype(dtype) * self.dt
        return Context(
            dt=self.dt,
            t=t,
            i=i,
            key=key,
            fit=fit,
            shared=shared,
            dtype=dtype,
            t0=self.t0,
            batch=(self._axes if self.over else BATCH) if self.batched else None,
            valid=valid,
        )


def floating_dtype(system: DynamicalSystem) -> np.dtype:
    """The dtype of a system's states: that of its floating parameters, else JAX's default."""
    found = {leaf.value.dtype for leaf in leaves(system) if eqx.is_inexact_array(leaf.value)}
    return np.result_type(*found) if found else jnp.result_type(float)


def traced_numbers(shared: Mapping[str, Any]) -> dict[str, Any]:
    """Shared arguments with numbers as arrays, all but `fit`, so that a new value needs no new compilation.

    They keep the weak type of Python's numbers: nothing is promoted.
    """
    return {name: value if name == "fit" else jax.tree.map(_traced, value) for name, value in shared.items()}


def _traced(value: Any) -> Any:
    return jnp.asarray(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


@contextmanager
def _explained(shared: Mapping[str, Any], over: str | None) -> Iterator[None]:
    """Explain two of JAX's errors: a reduction over a batch axis, and a shared number used as a Python value."""
    try:
        yield
    except NameError as error:
        if "axis name" not in str(error):
            raise
        if over is not None:
            raise CompositionError(
                f"A batch on several devices has no axis {BATCH!r}: its parts on each do. Take ctx.batch_mean(x), or "
                "the names that ctx.batch has, for jax.lax.pmean and the like; batch normalisation by "
                f"dp.layers.TDBatchNorm and the like; or train on one device ({_first_line(error)})."
            ) from error
        raise CompositionError(
            f"A system sees one sample. Where a run has a batch its axis is called 'batch', ctx.batch, and "
            f"ctx.batch_mean(x) is the mean over it; another name there is not, nor any in a run of one sample "
            f"({_first_line(error)}). What needs a batch while fitting only should read ctx.fit."
        ) from error
    except TypeError as error:
        numbers = [n for n, value in shared.items() if isinstance(value, jax.Array) and value.weak_type]
        if not numbers or not (isinstance(error, jax.errors.JAXTypeError) or "Shapes must be" in str(error)):
            raise
        raise OptionError(
            f"{_first_line(error)} Numbers among the shared arguments ({', '.join(map(repr, numbers))}) are traced, so "
            "that a new value needs no new compilation: give what decides a shape or branch to the constructor of the "
            "system instead."
        ) from error


def _batch_size(state: PyTree, x: PyTree) -> int:
    """The number of samples that a state and an input share, or `ShapeError`."""
    kept, given = ({a.shape[0] for a in jax.tree.leaves(tree)} for tree in (state, x))
    if len(kept | given) > 1:
        raise ShapeError(
            f"The states that this run continues from have {_listed(kept)} samples, the inputs {_listed(given)}: give "
            "as many, or start again with reset_state."
        )
    if not kept | given:
        raise ShapeError(
            "A system without a state and without an input does not tell how many samples a batch has. Run it without "
            "a batch, over keys: jax.vmap(lambda key: loop(duration, key=key)[1])(jax.random.split(key, samples))."
        )
    return (kept | given).pop()


def _listed(sizes: set[int]) -> str:
    return " and ".join(map(str, sorted(sizes))) or "no"


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]


def _of_dtype(xs: PyTree, dtype: DTypeLike) -> PyTree:
    return jax.tree.map(lambda x: x.astype(dtype) if jnp.issubdtype(x.dtype, jnp.floating) else x, xs)
