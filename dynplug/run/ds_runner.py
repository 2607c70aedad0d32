"""The runner for simulations with monitors."""

import time
from collections.abc import Mapping
from functools import partial
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import equinox as eqx
import jax
import numpy as np
from jaxtyping import PRNGKeyArray, PyTree
from tqdm import tqdm

from dynplug.core import DynamicalSystem, as_dt, as_system, as_t0, as_whole, described, is_traced, to_jax
from dynplug.errors import DurationError, OptionError, ShapeError, TracedError
from dynplug.plugin import answers_for_arguments
from dynplug.run.blown_up import Watch, nan_by_step
from dynplug.run.chunked import Rows, advance, advance_eagerly, chunk_sizes, explain_steps
from dynplug.run.compiling import Compiling
from dynplug.run.data_axes import DataAxis, as_arrays, check_axis, device_or_host, length_of, rows_of, swap_batch
from dynplug.run.experiment import Experiment
from dynplug.run.files import OUTPUT, InFiles, check_names
from dynplug.run.held import as_held, check_held, constants_of
from dynplug.run.inputs import Inputs
from dynplug.run.monitors import Monitors
from dynplug.run.options import check_batch_size, jit_for
from dynplug.run.records import OnDevice, OnHost, Recorder, Records, copy_in_background
from dynplug.run.searching import note_numbers
from dynplug.run.spike_fields import spike_fields
from dynplug.run.spike_records import SpikeRecorder, Spikes
from dynplug.run.spiking import SpikeWatch
from dynplug.run.starting import Start, Values, size_and_values, with_values
from dynplug.timeloop import Loop, RunState, check_model, check_options, check_state, floating_dtype, step_count

_Kept = tuple[Recorder, SpikeRecorder]


class _Chunk(NamedTuple):
    """A chunk under way: the index after its last step, its initial state, its inputs and its results."""

    end: int
    before: RunState
    fed: PyTree
    state: RunState
    rows: Rows


class DSRunner:
    r"""Simulate a system, drive it from outside, and record what happens in it.

    $$(s_{i+1}, y_i) = f(s_i, x_i, t_i), \qquad t_i = t_0 + i\,\Delta t$$

    The steps run in compiled chunks. Between them the progress bar advances, records are stored, and an interrupt takes
    effect, after which the records so far are available. A second `run` continues where the first ended.

    An input's target is a variable of the state, such as `"V"` or `"hidden.V"`, which is changed before every step; or
    the input of a system in the model, such as `"hidden.input"`, or `"input"` for the model's own, which is changed on
    its way in. If a name is both, it means the variable. Several inputs are applied in order.

    ```python
    runner = dp.DSRunner(dp.neurons.HH(1), monitors=["V", "spike"], dt=0.01, progress_bar=False)
    runner.run(20.0, inputs=10.0)     # 20 ms at 10 µA/cm²
    runner.mon["V"], runner.mon.ts
    ```

    **Arguments:**

    - `target`: the system.
    - `inputs`: inputs applied before every step: `(target, value, type, operation)`, or a list of them. Type `"fix"`,
        the default: a value for all steps, one number or one per unit. `"iter"`: an array with a row for each step,
        counted from step 0, whose axes are those of the data; or an iterable of rows, or a function that returns one,
        consumed as the run proceeds. `"func"`: a function of the context, such as those of `dp.inputs`. Operation:
        `"+"`, the default, `"-"`, `"*"`, `"/"` or `"="`. Or a function of the context that returns `(target, value)` or
        `(target, value, operation)`, or a list of them.
    - `monitors`: the parts of the state to record after each step: paths `["V", "hidden.spike"]`, pairs `[("V", 0)]` of
        a path and an index, or a mapping from names to paths, to pairs, or to functions of the state, or of the state
        and the context.
    - `spikes`: the populations whose spikes to record as events, each with its own step, in a fraction of the time and
        memory of a monitor: paths `["E", "I"]` of systems whose state has a field `spike`, a mapping from names to
        paths, or `True` for all such systems; a model that is one itself is `"spike"`. They are 0 or 1.
        Outputs that are spikes are recorded as an array besides, but for `return_outputs=False`.
    - `dt`: the step [ms].
    - `t0`: the time at step 0 [ms].
    - `data_first_axis`: `None`: one sample, time first; `"T"`: (time, batch, ...); `"B"`: (batch, time, ...).
    - `key`: a `jax.random.key` for stochastic systems.
    - `record_every`: outputs and monitors are recorded at the end of every `record_every` steps, counted from step 0. A
        spike that is an output or monitored, and any field declared `dp.event()`, is recorded as the number of events
        since the previous record, so that none is lost; everything else, including functions of spikes, as it is at the
        end. Events after the last record of a run are counted in `state.events`, and recorded by the next run.
    - `chunk`: the maximum number of steps per compiled call; progress, recording and Ctrl-C are handled between calls.
    - `return_outputs`: whether outputs are recorded and returned too, which takes time and memory; by default unless
        `spikes` are recorded.
    - `progress_bar`: whether to show one, on a terminal.
    - `numpy_mon_after_run`: whether records are NumPy arrays; else they stay on the device.
    - `memory_efficient`: whether records leave the device after each chunk, so that it holds those of at most two.
    - `record_to`: a folder in which each record becomes a `.npy` file that grows as the run proceeds, as do
        `output.npy` and `ts.npy`, time first, and the events of `spikes`: `spikes/E.t.npy` [ms] and `spikes/E.i.npy`.
        All are then memory-mapped from there.
    - `jit`: whether runs are compiled, or a mapping such as `{"predict": True, "fit": False}`, of which `"predict"`
        applies here. Otherwise all values are concrete, for debugging.
    - `loop`: the way to compile the time loop: `"auto"`, `"step"`, `"layer"` or `"plain"`.
    - `remat`: whether a backward pass recomputes chunks of the loop; an integer is the number of steps in one.

    A `SpikingWarning`, issued once, names a population that spiked in nearly every step, or never in a run of 50 ms or
    more with an input, if its spikes are recorded.

    **Attributes:** `mon`, the `Records` of the last run: `mon["V"]`, `mon.V`, and the times `mon.ts` [ms]; `spikes`,
    its `dynplug.measures.Events` by population: `spikes["E"].t` [ms], `spikes["E"].i`; `state`, the `RunState` after
    it.

    **Raises:** `OptionError`, `UnknownPathError`, `ShapeError` or `StateError` for invalid arguments, at construction
    where possible, else before the first step; `TracedError` for a run within `jax.jit` and the like.

    **Reference:** Wang, C. et al. (2023), BrainPy, a flexible, integrative, efficient, and extensible framework for
    general-purpose brain dynamics programming, doi:10.7554/eLife.86365.
    """

    @answers_for_arguments
    def __init__(
        self,
        target: DynamicalSystem,
        *,
        inputs: object = (),
        monitors: object = None,
        spikes: object = None,
        dt: float,
        t0: float = 0.0,
        data_first_axis: str | None = None,
        key: PRNGKeyArray | None = None,
        record_every: int = 1,
        chunk: int = 1000,
        return_outputs: bool | None = None,
        progress_bar: bool = True,
        numpy_mon_after_run: bool = True,
        memory_efficient: bool = False,
        record_to: str | PathLike[str] | None = None,
        jit: bool | Mapping[str, bool] = True,
        loop: str = "auto",
        remat: bool | int = False,
    ):
        self.target = as_system(target, "DSRunner")
        self.dt, self.t0 = as_dt(dt), as_t0(t0)
        self.data_first_axis: DataAxis | None = check_axis(data_first_axis, optional=True)
        self.key = key
        self.record_every = as_whole("record_every", record_every)
        self.chunk = as_whole("chunk", chunk)
        self.return_outputs = not spikes if return_outputs is None else return_outputs
        self.progress_bar = progress_bar
        self.numpy_mon_after_run = numpy_mon_after_run
        self.memory_efficient = memory_efficient
        self.record_to = None if record_to is None else Path(record_to)
        self.jit = jit_for("predict", jit)
        check_options(loop, remat)
        self.loop, self.remat = loop, remat
        self.monitors = Monitors(monitors)
        self._compiling = Compiling()
        self.mon = Records()
        self.mon.ts = np.zeros(0)
        self.spikes = Spikes()
        self.state = None
        self._counted: PyTree = None
        self._spikes = SpikeWatch(target, self.monitors, self.dt)
        if not numpy_mon_after_run and (memory_efficient or self.record_to is not None):
            raise OptionError(
                "numpy_mon_after_run=False keeps records on the device, but memory_efficient and record_to move them "
                "off it: choose one."
            )
        if self.record_to is not None:
            check_names(self.monitors.readers, OUTPUT)
        state = eqx.filter_eval_shape(lambda: Loop(self.dt, self.t0).start(target, key=key).system)
        self.monitors.check(state)
        self._fields = spike_fields(spikes, state)
        if self.record_to is not None:
            check_names(dict(self._fields.paths))
        self._start = state
        self.inputs = Inputs(inputs, target, state, self.data_first_axis)

    @property
    def state(self) -> RunState | None:
        """The state after the last run, from which the next one goes on. `None` starts again."""
        return self._state

    @state.setter
    def state(self, state: PyTree) -> None:
        _refuse_traced(state)
        if state is not None:
            check_state(state, self.dt)
            check_model(state.system, self._start, batched=self.data_first_axis is not None)
        self._state = state

    def reset_state(self, batch_size: Start = None, values: Mapping[str, Values] | None = None) -> None:
        """Go back to step 0.

        **Arguments:** as those of `LoopOverTime.reset_state`, as in `runner.reset_state({"hidden.V": -65.0})`.
        """
        size, values = size_and_values(batch_size, values)
        check_batch_size(size, self.data_first_axis)
        state = self._loop({}).start(self.target, batch_size=size, key=self.key)
        self.state = with_values(state, values, batch=self.data_first_axis is not None)

    @answers_for_arguments
    def run(
        self,
        duration: float | None = None,
        inputs: PyTree = None,
        *,
        reset_state: bool = False,
        eval_time: bool = False,
        shared_args: Mapping[str, PyTree] | None = None,
    ) -> PyTree:
        """Run for a duration, or over inputs.

        **Arguments:**

        - `duration`: the duration [ms]; `inputs`, if any, is then held constant, one number or one per unit, or a
            function of time made by `dp.inputs`.
        - `inputs`: without a duration, the model's inputs at all steps, with axes as in `data_first_axis`. Either may
            be a dictionary, or another structure, for a model that takes one.
        - `reset_state`: whether to start again rather than continue.
        - `eval_time`: whether to return the run time [s] too.
        - `shared_args`: values for `ctx.shared`; a `fit` among them goes to `ctx.fit`. A number is traced, as an array
            is, so that another value needs no new compilation.

        **Returns:** the outputs, recorded as the monitors are, with axes as in `data_first_axis`, or `None` if these
        are not returned; with `eval_time`, the pair of seconds and outputs.
        """
        began = time.perf_counter()
        _refuse_traced(self.target, inputs, self.key, shared_args, self.inputs.stimuli)
        note_numbers(self.target)
        check_held(inputs, duration)
        inputs = as_arrays(inputs, device_or_host)
        length, batch_size = self._extent(duration, inputs)
        anew = reset_state or self.state is None
        first = 0 if self.state is None or reset_state else int(self.state.i)
        loop = self._loop(shared_args or {}).up_to(self.target, first + length)
        self.inputs.check(first, length, batch_size)
        recorder = self._recorder(first, length, goes_on=not anew)
        where = first, batch_size, self.record_to, not anew
        kept = recorder, SpikeRecorder(self._fields, self.dt, self.t0, *where)
        if anew:
            self.reset_state(batch_size)
        held, varying = (inputs, None) if duration is not None else (None, inputs)
        out = self._record(self._experiment(held), varying, first, length, loop, kept)
        records = swap_batch((out, dict(self.mon)), self.data_first_axis)
        driving = constants_of(inputs), [stimulus.value for stimulus in self.inputs.stimuli]
        assert self.state is not None
        self._spikes.look(self._counted, records, self.spikes, self.state.system, self.record_every, driving)
        return (time.perf_counter() - began, out) if eval_time else out

    predict = run

    def explain(self, duration: float | None = None, inputs: PyTree = None) -> str:
        """Describe how the time loop of such a run is compiled: its stages, its chunks, and the reasons.

        The text is of the steps between which the host is heard, `chunk` at most.

        **Arguments:** as for `run`.
        """
        check_held(inputs, duration)
        inputs = as_arrays(inputs, device_or_host)
        length, batch_size = self._extent(duration, inputs)
        self.inputs.check(0, length, batch_size)
        loop = self._loop({})
        state = loop.start(self.target, batch_size=batch_size, key=self.key)
        size = next(chunk_sizes(length, self.chunk, self.record_every), 0)
        held, varying = (inputs, None) if duration is not None else (None, inputs)
        fed = rows_of(varying, 0, size, self.data_first_axis), self.inputs.take(0, size)
        experiment = self._experiment(held)
        return explain_steps(loop, experiment, state, jax.tree.map(to_jax, fed), self.key, size, self.data_first_axis)

    def __repr__(self) -> str:
        return described(
            self,
            self.target,
            dt=self.dt,
            monitors=list(self.monitors.readers),
            step=0 if self.state is None else int(self.state.i),
        )

    def _experiment(self, held: PyTree) -> Experiment:
        """The system with its stimuli and monitors, and an input without rows of its own, if any."""
        held = as_held(held, floating_dtype(self.target))
        stimuli, function = self.inputs.stimuli, self.inputs.function
        return Experiment(self.target, stimuli, function, self.monitors, held, self.return_outputs, self._fields)

    def _record(self, experiment: Experiment, xs: PyTree, first: int, length: int, loop: Loop, kept: _Kept) -> PyTree:
        """Run and record all chunks. The device computes the next one while the host records the one before it.

        The copy of a chunk's rows begins before the next chunk is dispatched, and is read after that.
        """
        assert self.state is not None
        recorder, events = kept
        done, after = first, self.state
        waiting: _Chunk | None = None
        watch = Watch(self.dt, self.t0, self.state.system)
        with tqdm(total=length, disable=None if self.progress_bar else True, unit="step") as bar:

            def store(chunk: _Chunk) -> None:
                nonlocal done, after
                end, before, fed, state, rows = chunk
                if end > done:  # else an interrupt came after it had been stored
                    jax.block_until_ready(rows)
                    self._counted = rows.counted
                    events.append(done, rows.spikes)
                    recorder.append(self._rows(first, done), rows.records(), self._times(done, end))
                    bar.update(end - done)
                    start, done, after = done, end, state
                    again = partial(
                        nan_by_step, loop, experiment, before, fed, self.key, end - start, self.data_first_axis
                    )
                    watch.look(start, state.system, rows.nan, fed, again)

            # Each chunk is dispatched before the one before it is stored. An interrupt may strike anywhere: the chunk
            # that is waiting is stored all the same, and the state and the records are then those of the last stored
            # chunk.
            try:
                run_chunk = advance if self.jit else advance_eagerly
                start, state = first, self.state
                for size in chunk_sizes(length, self.chunk, self.record_every):
                    fed = rows_of(xs, start - first, size, self.data_first_axis), self.inputs.take(start, size)
                    before, fed = state, jax.tree.map(to_jax, fed)
                    offset = min((-start - 1) % self.record_every, size)
                    how = self.key, size, offset, self.record_every, self.data_first_axis
                    with self._compiling(bar, state, fed, how):
                        state, rows = run_chunk(loop, experiment, state, fed, *how)
                    copy_in_background((rows.spikes, rows.nan, rows.records() if recorder.leaves_device else None))
                    start += size
                    if waiting is not None:
                        store(waiting)
                    waiting = _Chunk(start, before, fed, state, rows)
            finally:
                try:
                    if waiting is not None:
                        store(waiting)
                finally:
                    self._state = after
                    self.spikes = events.finish(done)
                    out = self._finish(recorder, first, done)
        self.inputs.end_run()
        return out

    def _finish(self, recorder: Recorder, first: int, done: int) -> PyTree:
        self.mon.clear()
        self.mon.ts = self._times(first, done)
        if done == first:
            return None
        out, seen = swap_batch(recorder.finish(len(self.mon.ts)), self.data_first_axis)
        self.mon.update(seen)
        return out

    def _recorder(self, first: int, length: int, *, goes_on: bool) -> Recorder:
        if self.record_to is not None:
            return InFiles(self.record_to, goes_on)
        if self.memory_efficient:
            return OnHost(self._rows(first, first + length))
        return OnDevice(self.numpy_mon_after_run)

    def _rows(self, first: int, last: int) -> int:
        """The number of rows recorded in steps `first` to `last - 1`."""
        return last // self.record_every - first // self.record_every

    def _times(self, first: int, last: int) -> np.ndarray:
        """The times of the rows recorded in steps `first` to `last - 1`."""
        every = self.record_every
        return self.t0 + np.arange(first // every + 1, last // every + 1) * every * self.dt

    def _extent(self, duration: float | None, inputs: PyTree) -> tuple[int, int | None]:
        """The number of steps, and the batch size or `None`."""
        axis = self.data_first_axis
        if duration is None and inputs is None:
            raise DurationError("The length of the run is not given: give a duration [ms], or inputs for all steps.")
        if duration is None:
            length = length_of(inputs, 1 if axis == "B" else 0, "inputs")
            return length, None if axis is None else length_of(inputs, 0 if axis == "B" else 1, "inputs")
        if axis is None:
            return step_count(duration, self.dt), None
        if self.state is None:
            raise ShapeError("A duration does not determine the batch size: call reset_state(batch_size) first.")
        return step_count(duration, self.dt), length_of(self.state.system, 0, "states")

    def _loop(self, shared: Mapping[str, PyTree]) -> Loop:
        return Loop(
            self.dt,
            self.t0,
            self.data_first_axis is not None,
            shared=shared,
            loop=self.loop if self.jit else "plain",
            remat=self.remat if self.jit else False,
        )


def _refuse_traced(*given: PyTree) -> None:
    if is_traced(*given):
        raise TracedError(
            "A DSRunner keeps its state and its records on the host, and so does not run within jax.jit, jax.grad, "
            "jax.vmap or another function that JAX traces: take dp.LoopOverTime(model, out_vars, dt=...) there, which "
            "is pure, or bring the runner outside."
        )
