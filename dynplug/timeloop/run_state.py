"""The state of a run, and what it must be to go on from."""

from collections.abc import Iterable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.typing import ArrayLike
from jaxtyping import Array, Int, PyTree

from dynplug.core import leaves, lookup, to_jax
from dynplug.errors import DurationError, OptionError, StateError


class RunState(eqx.Module):
    """The state of a run: the index of the next step and the system's state. Passed back in, it continues the run.

    `events` are the events counted since the last record, where records are made neither at each step nor at the last.
    `dt` is the step of the run [ms]: one of another step is refused (`StateError`), as times, delays and refractory
    periods are counted in steps.

    ```python
    loop = dp.LoopOverTime(dp.neurons.LIF(2), dt=0.5)
    state, _ = loop(jnp.ones((20, 2)))
    assert state.i == 20 and state["V"].shape == (2,)
    state, _ = loop(jnp.ones((20, 2)), state)     # on from there
    assert state.i == 40
    ```
    """

    i: Int[Array, ""] = eqx.field(converter=lambda i: as_index(i))
    system: PyTree
    events: PyTree = None
    dt: float | None = eqx.field(static=True, default=None)

    def __getitem__(self, path: str) -> PyTree:
        """The part of the system's state at a path such as `"hidden.V"`."""
        return lookup(self.system, path)


def as_index(i: Any) -> Int[Array, ""]:
    """The index of a step as an array.

    **Raises:** `OptionError` for what is no whole number; `DurationError` for an index that overflows 32 bits.
    """
    if not jnp.issubdtype(jnp.result_type(i), jnp.integer):
        raise OptionError(f"The index of a step is a whole number; got {i}.")
    if not isinstance(i, Tracer) and not -(2**31) <= int(i) < 2**31:
        raise DurationError(
            f"This run reaches step {i}, but steps are counted up to {2**31 - 1}: take a larger dt, or start again "
            "from the state, at step 0 with another t0."
        )
    return jnp.asarray(i, jnp.int32) if isinstance(i, jax.Array) else to_jax(np.asarray(i, np.int32))


def check_state(state: Any, dt: float) -> None:
    """Raise `StateError` for what a run of steps of `dt` cannot go on from."""
    if not isinstance(state, RunState):
        raise StateError(
            "A run goes on from the state that reset_state, a call or a step of the loop returned, which has the "
            f"number of the next step beside the system's state, state.system; got {_called(state)}."
        )
    if state.dt not in (None, dt):
        i = "..." if isinstance(state.i, Tracer) else round(int(state.i) * state.dt / dt)
        raise StateError(
            f"The state is of a run with dt={state.dt}, and this one has dt={dt}: the number of its next step "
            "would be another time, and delays and refractory periods, which it counts in steps, would be others. "
            f"Take dt={state.dt}; or start from its variables, reset_state({{'V': state['V']}}); or, if it counts "
            f"nothing in steps, go on from dataclasses.replace(state, i={i}, dt={dt})."
        )


def check_model(state: PyTree, start: PyTree, *, batched: bool) -> None:
    """Raise `StateError` for a system's state that is that of another model.

    **Arguments:**

    - `state`: the state.
    - `start`: the state of one sample before the first step, or its shapes.
    - `batched`: whether the state has an axis of samples first.
    """
    found, wanted = ({leaf.path: leaf.value.shape for leaf in leaves(tree)} for tree in (state, start))
    if found.keys() != wanted.keys() or jax.tree.structure(state) != jax.tree.structure(start):
        raise StateError(
            f"The state is that of another model: it holds {_listed(found)}, and this one's {_listed(wanted)}. "
            "Take the state of a run of this model, or start again by reset_state."
        )
    for path, shape in wanted.items():
        if (found[path][1:] if batched else found[path]) != shape:
            samples = "samples, each of " if batched else ""
            raise StateError(
                f"The state is that of another model: {path!r} has shape {found[path]}, and is to have "
                f"{samples}{shape}. Take the state of a run of this model, or start again by reset_state."
            )


def _listed(paths: Iterable[str]) -> str:
    return ", ".join(map(repr, paths)) or "nothing"


def check_carry(old: PyTree, new: PyTree) -> None:
    """Raise `StateError`, naming the field, if a step changes the structure, shapes or dtypes of a state."""
    before = {leaf.path: leaf.value for leaf in leaves(old)}
    after = {leaf.path: leaf.value for leaf in leaves(new)}
    if before.keys() != after.keys():
        changed = sorted(before.keys() ^ after.keys())
        raise StateError(
            f"A step must return a state of the same structure; these fields appear or disappear: {changed}."
        )
    for path, value in before.items():
        was, now = _describe(value), _describe(after[path])
        if was != now:
            raise StateError(f"A step must keep every field's shape and dtype, but {path!r} goes from {was} to {now}.")


def _called(state: Any) -> str:
    return f"an array of shape {state.shape}" if hasattr(state, "shape") else f"a {type(state).__name__}"


def _describe(value: ArrayLike) -> str:
    return f"{jnp.result_type(value)}{list(jnp.shape(value))}"
