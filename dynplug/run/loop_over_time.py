"""The runner that carries a system over many steps as a pure function."""

from collections.abc import Mapping

import equinox as eqx
import jax
import numpy as np
from jax.core import Tracer
from jaxtyping import PRNGKeyArray, PyTree

from dynplug.core import DynamicalSystem, as_dt, as_system, as_t0, leaves, lookup, on_device_of, to_jax
from dynplug.errors import OptionError, ShapeError, StateError
from dynplug.plugin import answers_for_arguments
from dynplug.run.data_axes import DataAxis, as_arrays, check_axis, length_of, swap_batch
from dynplug.run.options import check_batch_size
from dynplug.run.starting import Start, Values, size_and_values, with_values
from dynplug.run.timeless import Timeless
from dynplug.timeloop import Loop, RunState, as_index, check_options, check_state, step_count, traced_numbers


class LoopOverTime(eqx.Module):
    r"""Runs a system over many time steps: a pure function that can be jitted, differentiated and vmapped.

    $$(s_{i+1}, y_i) = f(s_i, x_i, t_i), \qquad t_i = t_0 + i\,\Delta t$$

    ```python
    loop = dp.LoopOverTime(dp.neurons.LIF(3), "V", dt=0.1)
    state, (spikes, V) = loop(jnp.full((1000, 3), 1.5))     # inputs of 1000 steps
    state, _ = loop(jnp.zeros((200, 3)), state)             # and on from there
    ```

    **Arguments:**

    - `target`: the system.
    - `out_vars`: a path into the state, such as `"hidden.V"`, or a pytree of paths, to return at every step too.
    - `no_state`: asserts that the system keeps no state, so that all steps are one call; `StateError` if it does keep
        one. A system without state is recognised without it, too.
    - `dt`: the step [ms].
    - `t0`: the time at step 0 [ms]; `None`: there is no time, and reading `ctx.t` is an error.
    - `i0`: the index of the first step; `None`: there is neither index nor time.
    - `shared_arg`: values for `ctx.shared`; a `fit` among them goes to `ctx.fit`. A number is traced, as an array is.
    - `data_first_axis`: `None`: one sample, time first; `"T"`: (time, batch, ...); `"B"`: (batch, time, ...).
    - `jit`: whether calls are compiled as a whole.
    - `loop`: the way to compile the time loop: `"auto"`, `"step"`, `"layer"` or `"plain"`.
    - `remat`: whether the backward pass recomputes chunks of the forward pass, to save memory; an integer is the number
        of steps in a chunk.
    - `name`: the name of the loop's operations in profiles and compiled programs.

    **Raises:** `OptionError`; `CompositionError` for a target that is no system.

    **Reference:** Wang, C. et al. (2023), BrainPy, a flexible, integrative, efficient, and extensible framework for
    general-purpose brain dynamics programming, doi:10.7554/eLife.86365.
    """

    target: DynamicalSystem
    out_vars: PyTree
    dt: float = eqx.field(static=True)
    t0: float | None = eqx.field(static=True)
    i0: int | None = eqx.field(static=True)
    shared_arg: Mapping[str, PyTree]
    data_first_axis: DataAxis | None = eqx.field(static=True)
    no_state: bool = eqx.field(static=True)
    jit: bool = eqx.field(static=True)
    loop: str = eqx.field(static=True)
    remat: bool | int = eqx.field(static=True)
    name: str = eqx.field(static=True)

    @answers_for_arguments
    def __init__(
        self,
        target: DynamicalSystem,
        out_vars: PyTree = None,
        *,
        no_state: bool = False,
        dt: float,
        t0: float | None = 0.0,
        i0: int | None = 0,
        shared_arg: Mapping[str, PyTree] | None = None,
        data_first_axis: str | None = None,
        jit: bool = True,
        loop: str = "auto",
        remat: bool | int = False,
        name: str | None = None,
    ):
        self.target = as_system(target, "LoopOverTime")
        self.out_vars = out_vars
        self.dt, self.t0, self.i0 = as_dt(dt), None if t0 is None else as_t0(t0), i0
        self.shared_arg = traced_numbers(shared_arg or {})
        self.data_first_axis = check_axis(data_first_axis, optional=True)
        self.no_state = no_state
        self.jit = jit
        check_options(loop, remat)
        self.loop, self.remat = loop, remat
        self.name = type(self).__name__ if name is None else name
        for path in jax.tree.leaves(out_vars):
            if not isinstance(path, str):
                raise OptionError(f"out_vars={out_vars!r}: give a path such as 'hidden.V', or a pytree of paths.")

    def reset_state(
        self,
        batch_size: Start = None,
        values: Mapping[str, Values] | None = None,
        *,
        key: PRNGKeyArray | None = None,
        i0: int | None = None,
    ) -> RunState:
        """The state before the first step, which holds all that a system remembers, including delays.

        **Arguments:**

        - `batch_size`: the number of samples, if there is a batch axis.
        - `values`: variables that start elsewhere, by path: `{"hidden.V": -65.0}`, a number, one per unit, or one per
            sample and unit. They may be given first, in place of `batch_size`.
        - `key`: a `jax.random.key` for what is drawn.
        - `i0`: the index of the first step, if it is not that of the loop.

        **Raises:** `UnknownPathError` for a path that is no variable; `ShapeError`.
        """
        size, values = size_and_values(batch_size, values)
        state = self._start(size, key, self.i0 if i0 is None else i0, self.data_first_axis)
        return with_values(state, values, batch=self.data_first_axis is not None)

    def __call__(
        self,
        xs_or_duration: PyTree,
        state: RunState | None = None,
        key: PRNGKeyArray | None = None,
        i0: int | None = None,
        *,
        data_first_axis: str | None = None,
    ) -> tuple[RunState, PyTree]:
        """Run over inputs, or for a duration.

        **Arguments:**

        - `xs_or_duration`: a number, Python's or NumPy's, is a duration without input [ms]; anything else is the inputs
            of all steps, with axes as in `data_first_axis`: an array or list, or a pytree of them.
        - `state`: the state to continue from; `None` starts again.
        - `key`: a `jax.random.key` for stochastic systems. A run that is continued with the same key equals one that
            was never interrupted.
        - `i0`: the index of the first step; by default the state's, or that of the loop.
        - `data_first_axis`: the axes of this call, if they differ from the loop's.

        **Returns:** the state after the last step, which includes the step index, and the outputs of all steps. With
        `out_vars`, instead of the outputs the pair of outputs and `out_vars` at all steps.
        """
        axis: DataAxis | None = check_axis(data_first_axis, optional=True) or self.data_first_axis
        prepared = self._prepared(xs_or_duration, state, key, i0, axis)
        with on_device_of((self, prepared)):
            return (_compiled if self.jit else LoopOverTime._run)(self, *prepared, axis)

    def step(self, x: PyTree, state: RunState, key: PRNGKeyArray | None = None) -> tuple[RunState, PyTree]:
        """One step, for inputs that arrive one by one. A call with all of them gives the same, but for rounding.

        ```python
        loop = dp.LoopOverTime(dp.neurons.LIF(3), dt=0.1)
        state = loop.reset_state()
        state, spikes = loop.step(jnp.ones(3), state)     # the input has no axis of time
        assert state.i == 1 and spikes.shape == (3,)
        ```

        **Arguments:**

        - `x`: the input of this step: an array or list, or a pytree of them, with the batch as the first axis if
            `data_first_axis` is set; `None` for no input.
        - `state`: the state to go on from, as `reset_state`, a call or the last step returned it.
        - `key`: a `jax.random.key` for stochastic systems, the same one at all steps.

        **Returns:** the state after the step, and the output without an axis of time. With `out_vars`, instead of the
        output the pair of output and `out_vars`.
        """
        x, axis = as_arrays(x, to_jax), self.data_first_axis
        if axis is not None and x is not None:
            length_of(x, 0, "The input of a step,")
        loop = self._loop(axis)
        self._check_state(state)
        loop = self._up_to(loop, state, 1)
        with on_device_of((self, state)):
            return (_compiled_step if self.jit else LoopOverTime._run_step)(self, loop, x, state, key)

    def explain(self, xs_or_duration: PyTree, *, key: PRNGKeyArray | None = None) -> str:
        """Describe how the time loop of such a call is compiled: its stages, its chunks, and the reasons.

        **Arguments:** as for a call.
        """
        loop, xs, state, key, length = self._prepared(xs_or_duration, None, key, None, self.data_first_axis)
        return loop.explain(
            self._system(), state, swap_batch(xs, self.data_first_axis), length, key=key, read=self._read
        )

    def _prepared(
        self,
        xs_or_duration: PyTree,
        state: PyTree,
        key: PRNGKeyArray | None,
        i0: int | None,
        axis: DataAxis | None,
    ) -> tuple[Loop, PyTree, RunState, PRNGKeyArray | None, int]:
        """The loop, its inputs, the state before them, the key, and the number of steps."""
        if isinstance(xs_or_duration, (int, float, np.number)):
            xs, length = None, step_count(xs_or_duration, self.dt)
        else:
            xs = as_arrays(xs_or_duration, to_jax)
            length = length_of(xs, 1 if axis == "B" else 0, "inputs")
        if state is None:
            batch_size = None
            if axis is not None:
                if xs is None:
                    raise ShapeError(
                        "A duration does not determine the batch size: pass state=loop.reset_state(batch_size)."
                    )
                batch_size = length_of(xs, 0 if axis == "B" else 1, "inputs")
            state = self._start(batch_size, key, self.i0, axis)
        loop = self._loop(axis)
        self._check_state(state)
        if i0 is not None:
            state = RunState(as_index(i0), state.system, dt=self.dt)
        return self._up_to(loop, state, length), xs, state, key, length

    def _up_to(self, loop: Loop, state: RunState, length: int) -> Loop:
        """The loop for `length` more steps; the time of a traced state is unknown."""
        return loop if isinstance(state.i, Tracer) else loop.up_to(self.target, int(state.i) + length)

    def _start(
        self, batch_size: int | None, key: PRNGKeyArray | None, i0: int | None, axis: DataAxis | None
    ) -> RunState:
        check_batch_size(batch_size, axis)
        return self._loop(axis).start(self._system(), i0=i0 or 0, batch_size=batch_size, key=key)

    def _check_state(self, state: PyTree) -> None:
        check_state(state, self.dt)
        if self.no_state and (kept := [leaf.path for leaf in leaves(state.system)]):
            raise StateError(f"no_state=True, but the system keeps {', '.join(kept)}: leave no_state out.")

    def _system(self) -> DynamicalSystem:
        """The target, with time hidden from it if there is none."""
        hidden = ("i", "t") if self.i0 is None else ("t",) if self.t0 is None else ()
        return Timeless(self.target, hidden) if hidden else self.target

    def _loop(self, axis: DataAxis | None) -> Loop:
        return Loop(
            self.dt,
            self.t0 or 0.0,
            axis is not None,
            shared=self.shared_arg,
            loop="layer" if self.no_state and self.loop == "auto" else self.loop,
            remat=self.remat,
        )

    def _read(self, system_state: PyTree) -> PyTree:
        return jax.tree.map(lambda path: lookup(system_state, path), self.out_vars)

    def _run(
        self, loop: Loop, xs: PyTree, state: RunState, key: PRNGKeyArray | None, length: int, axis: DataAxis | None
    ) -> tuple[RunState, PyTree]:
        with jax.named_scope(self.name):
            state, recorded = loop.advance(
                self._system(), state, swap_batch(xs, axis), length, key=key, read=self._read
            )
        return state, self._chosen(*swap_batch(recorded, axis))

    def _run_step(self, loop: Loop, x: PyTree, state: RunState, key: PRNGKeyArray | None) -> tuple[RunState, PyTree]:
        with jax.named_scope(self.name):
            state, recorded = loop.step(self._system(), state, x, key=key, read=self._read)
        return state, self._chosen(*recorded)

    def _chosen(self, out: PyTree, seen: PyTree) -> PyTree:
        return out if self.out_vars is None else (out, seen)


_compiled = eqx.filter_jit(LoopOverTime._run)
_compiled_step = eqx.filter_jit(LoopOverTime._run_step)
