"""A system over many steps, as a pure function."""

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from dynplug.core import DynamicalSystem, lookup
from dynplug.errors import ShapeError
from dynplug.run.axes import DataAxis, as_arrays, check_axis, length_of, swap_batch
from dynplug.timeloop import Loop, RunState, step_count


class LoopOverTime(eqx.Module):
    """Carry a system over many time steps: a pure function that may be jitted, differentiated and vmapped.

    **Arguments:**

    - `target`: the system.
    - `out_vars`: a path into the state, as `"hidden.V"`, or a pytree of paths, to return at every step too.
    - `dt`: the step [ms].
    - `t0`: the time at step 0 [ms].
    - `shared_arg`: values for `ctx.shared`; a `fit` among them goes to `ctx.fit`.
    - `data_first_axis`: `None`: one sample, time first; `"T"`: (time, batch, ...); `"B"`: (batch, time, ...).
    - `jit`: whether calls are compiled.
    """

    target: DynamicalSystem
    out_vars: Any
    dt: float = eqx.field(static=True)
    t0: float = eqx.field(static=True)
    shared_arg: Mapping[str, Any]
    data_first_axis: DataAxis | None = eqx.field(static=True)
    jit: bool = eqx.field(static=True)

    def __init__(
        self,
        target: DynamicalSystem,
        out_vars: Any = None,
        *,
        dt: float,
        t0: float = 0.0,
        shared_arg: Mapping[str, Any] | None = None,
        data_first_axis: str | None = None,
        jit: bool = True,
    ):
        self.target = target
        self.out_vars = out_vars
        self.dt, self.t0 = float(dt), float(t0)
        self.shared_arg = dict(shared_arg or {})
        self.data_first_axis = check_axis(data_first_axis, optional=True)
        self.jit = jit

    def reset_state(self, batch_size: int | None = None, *, key: PRNGKeyArray | None = None, i0: int = 0) -> RunState:
        """The state before step `i0`, for a batch of `batch_size` where there is a batch axis."""
        if (batch_size is None) != (self.data_first_axis is None):
            raise ShapeError(
                f"reset_state(batch_size={batch_size}) with data_first_axis={self.data_first_axis!r}: a batch size is "
                "needed if, and only if, the data have a batch axis."
            )
        return self._loop().start(self.target, i0=i0, batch_size=batch_size, key=key)

    def __call__(
        self,
        xs_or_duration: Any,
        state: RunState | None = None,
        key: PRNGKeyArray | None = None,
        i0: int | None = None,
    ) -> tuple[RunState, Any]:
        """Run over inputs, or for a duration.

        **Arguments:**

        - `xs_or_duration`: a Python number is a duration without input [ms]; anything else are the inputs of all
            steps, with the axes that `data_first_axis` says: an array or list, or a pytree of them.
        - `state`: where to go on from; `None` starts anew.
        - `key`: a `jax.random.key` for stochastic systems. A run that is continued with the same key equals one that
            was never interrupted.
        - `i0`: the index of the first step; by default the state's, or 0.

        **Returns:** the state after the last step, which holds the step index too, and the outputs of all steps. With
        `out_vars`, in place of the outputs the pair of outputs and `out_vars` at all steps.
        """
        if isinstance(xs_or_duration, (int, float)):
            xs, length = None, step_count(xs_or_duration, self.dt)
        else:
            xs = as_arrays(xs_or_duration, jnp.asarray)
            length = length_of(xs, 1 if self.data_first_axis == "B" else 0, "inputs")
        if state is None:
            batch_size = None
            if self.data_first_axis is not None:
                if xs is None:
                    raise ShapeError(
                        "A duration does not tell the batch size: pass state=loop.reset_state(batch_size)."
                    )
                batch_size = length_of(xs, 0 if self.data_first_axis == "B" else 1, "inputs")
            state = self.reset_state(batch_size, key=key)
        if i0 is not None:
            state = RunState(jnp.asarray(i0, jnp.int32), state.system)
        return (_compiled if self.jit else LoopOverTime._run)(self, xs, state, key, length)

    def _loop(self) -> Loop:
        return Loop(self.dt, self.t0, self.data_first_axis is not None, shared=self.shared_arg)

    def _run(self, xs: Any, state: RunState, key: PRNGKeyArray | None, length: int) -> tuple[RunState, Any]:
        def read(system_state: Any) -> Any:
            return jax.tree.map(lambda path: lookup(system_state, path), self.out_vars)

        axis = self.data_first_axis
        state, recorded = self._loop().advance(self.target, state, swap_batch(xs, axis), length, key=key, read=read)
        out, seen = swap_batch(recorded, axis)
        return state, out if self.out_vars is None else (out, seen)


_compiled = eqx.filter_jit(LoopOverTime._run)
