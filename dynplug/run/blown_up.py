"""Detection of NaN in a run: which state, where and when."""

import warnings
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, PRNGKeyArray, PyTree

from dynplug.core import DynamicalSystem, leaves
from dynplug.errors import NonFiniteWarning
from dynplug.run.data_axes import DataAxis, swap_batch
from dynplug.timeloop import Loop, RunState


def has_nan(tree: PyTree) -> Bool[Array, " leaves"]:
    """For each leaf of a tree, whether it contains NaN."""
    found = [jnp.any(jnp.isnan(a)) if _may_be_nan(a) else jnp.zeros((), bool) for a in jax.tree.leaves(tree)]
    return jnp.stack(found) if found else jnp.zeros(0, bool)


@eqx.filter_jit
def nan_by_step(
    loop: Loop,
    system: DynamicalSystem,
    state: RunState,
    fed: PyTree,
    key: PRNGKeyArray | None,
    length: int,
    axis: DataAxis | None,
) -> Bool[Array, "steps leaves"]:
    """`has_nan` of the state after each of `length` steps, for any sample of a batch."""
    _, (_, flags) = loop.advance(system, state, swap_batch(fed, axis), length, key=key, read=has_nan)
    return jnp.any(flags, axis=1) if axis else flags


class Watch:
    """Checks after each chunk of a run whether a state has become NaN, and warns once per run.

    **Arguments:**

    - `dt`: the step [ms].
    - `t0`: the time at step 0 [ms].
    - `start`: the state at the start of the run; a NaN in it is taken as intended.
    """

    def __init__(self, dt: float, t0: float, start: PyTree):
        self._dt, self._t0 = dt, t0
        self._start = start
        self._said = False

    def look(self, first: int, state: PyTree, flags: PyTree, inputs: PyTree, again: Callable[[], Array]) -> None:
        """Check a chunk.

        **Arguments:**

        - `first`: the index of its first step.
        - `state`: the system's state after it.
        - `flags`: `has_nan` of that state.
        - `inputs`: its inputs.
        - `again`: runs the chunk once more and returns `has_nan` of the state after each of its steps.
        """
        if self._said or not np.asarray(flags).any():
            return
        if not (new := np.asarray(flags) & ~np.asarray(has_nan(self._start))).any():
            return
        self._said = True
        steps = np.asarray(again())[:, new]
        step = int(np.argmax(steps.any(axis=1)))
        which = np.flatnonzero(new)[np.flatnonzero(steps[step])[0]]
        leaf = leaves(state)[which]
        units = np.argwhere(np.isnan(np.asarray(leaf.value)))
        at = self._t0 + (first + step) * self._dt
        too_great = f"try a smaller step than dt={self._dt} ms, or another integrator"
        cause = "the inputs hold NaN" if bool(has_nan(inputs).any()) else too_great
        warnings.warn(
            f"The state {leaf.path!r} became NaN in step {first + step}, at {at:.6g} ms; at "
            f"{units[0].tolist()} among {len(units)} of {np.size(leaf.value)} values by the end of step "
            f"{first + len(steps) - 1}. Everything computed from it is NaN too. Check what drives it: {cause}.",
            NonFiniteWarning,
            stacklevel=5,
        )


def _may_be_nan(a: Array | np.ndarray) -> bool:
    return jnp.issubdtype(a.dtype, jnp.inexact)
