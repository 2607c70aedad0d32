"""Simulation with monitors."""

from collections.abc import Iterator, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray
from tqdm import tqdm

from dynplug.core import DynamicalSystem
from dynplug.errors import DurationError, ShapeError
from dynplug.run.axes import as_arrays, check_axis, length_of, swap_batch
from dynplug.run.monitors import Monitors, Records
from dynplug.timeloop import Loop, RunState, step_count

_CHUNK = 1000  # steps compiled into one call; the host is heard in between


class DSRunner:
    """Simulate a system and record what happens in it.

    The steps run in compiled chunks; between them the progress bar moves, records go to the host, and an interrupt is
    heard, which keeps what was recorded. A second `run` goes on where the first ended.

    **Arguments:**

    - `target`: the system.
    - `monitors`: what to record of the state after each step: paths `["V", "hidden.spike"]`, pairs `[("V", 0)]` of a
        path and an index, or a mapping from names to paths, to pairs, or to functions of the state.
    - `dt`: the step [ms].
    - `t0`: the time at step 0 [ms].
    - `data_first_axis`: `None`: one sample, time first; `"T"`: (time, batch, ...); `"B"`: (batch, time, ...).
    - `key`: a `jax.random.key` for stochastic systems.
    - `progress_bar`: whether to show one, on a terminal.
    - `numpy_mon_after_run`: whether records are NumPy arrays; else they stay on the device.

    **Attributes:** `mon`, the `Records` of the last run: `mon["V"]`, `mon.V`, and the times `mon.ts` [ms]; `state`, the
    `RunState` after it.
    """

    def __init__(
        self,
        target: DynamicalSystem,
        *,
        monitors: Any = None,
        dt: float,
        t0: float = 0.0,
        data_first_axis: str | None = None,
        key: PRNGKeyArray | None = None,
        progress_bar: bool = True,
        numpy_mon_after_run: bool = True,
    ):
        self.target = target
        self.monitors = Monitors(monitors)
        self.dt, self.t0 = float(dt), float(t0)
        self.data_first_axis = check_axis(data_first_axis, optional=True)
        self.key = key
        self.progress_bar = progress_bar
        self.numpy_mon_after_run = numpy_mon_after_run
        self.mon = Records()
        self.mon.ts = np.zeros(0)
        self.state: RunState | None = None
        self._check_monitors()

    def reset_state(self, batch_size: int | None = None) -> None:
        """Go back to step 0, with a batch of `batch_size` where there is a batch axis."""
        if (batch_size is None) != (self.data_first_axis is None):
            raise ShapeError(
                f"reset_state(batch_size={batch_size}) with data_first_axis={self.data_first_axis!r}: a batch size is "
                "needed if, and only if, the data have a batch axis."
            )
        self.state = self._loop({}).start(self.target, batch_size=batch_size, key=self.key)

    def run(
        self,
        duration: float | None = None,
        inputs: Any = None,
        *,
        reset_state: bool = False,
        shared_args: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run for a duration, or over inputs.

        **Arguments:**

        - `duration`: how long [ms]; `inputs`, if any, is then held constant: one number for all units, or one a unit.
        - `inputs`: without a duration, the inputs of all steps, with the axes that `data_first_axis` says.
        - `reset_state`: whether to start anew rather than go on.
        - `shared_args`: values for `ctx.shared`.

        **Returns:** the outputs of all steps, with the axes that `data_first_axis` says.
        """
        inputs = as_arrays(inputs)
        length, batch_size = self._extent(duration, inputs)
        if reset_state or self.state is None:
            self.reset_state(batch_size)
        assert self.state is not None
        hold = duration is not None
        if hold and batch_size is not None:
            inputs = jax.tree.map(lambda a: np.broadcast_to(a, (batch_size, *a.shape)), inputs)
        elif not hold:
            inputs = swap_batch(inputs, self.data_first_axis)
        return self._record(inputs, length, hold, self._loop(shared_args or {}))

    def predict(self, *args: Any, **kwargs: Any) -> Any:
        """The same as `run`."""
        return self.run(*args, **kwargs)

    def _record(self, inputs: Any, length: int, hold: bool, loop: Loop) -> Any:
        assert self.state is not None
        first = int(self.state.i)
        chunks: list[Any] = []
        done = 0
        with tqdm(total=length, disable=None if self.progress_bar else True, unit="step") as bar:
            try:
                for size in _sizes(length):
                    xs = inputs if hold else _rows(inputs, done, size)
                    self.state, recorded = _advance(
                        loop,
                        self.target,
                        self.state,
                        jax.tree.map(jnp.asarray, xs),
                        size,
                        hold,
                        self.key,
                        self.monitors,
                    )
                    chunks.append(jax.tree.map(np.asarray, recorded) if self.numpy_mon_after_run else recorded)
                    done += size
                    bar.update(size)
            finally:
                self.mon.clear()
                self.mon.ts = self.t0 + (first + 1 + np.arange(done)) * self.dt
                out = None
                if chunks:
                    join = np.concatenate if self.numpy_mon_after_run else jnp.concatenate
                    joined = chunks[0] if len(chunks) == 1 else jax.tree.map(lambda *c: join(c), *chunks)
                    out, seen = swap_batch(joined, self.data_first_axis)
                    self.mon.update(seen)
        return out

    def _extent(self, duration: float | None, inputs: Any) -> tuple[int, int | None]:
        """The number of steps, and the batch size or `None`."""
        axis = self.data_first_axis
        if duration is None and inputs is None:
            raise DurationError("Nothing says how long to run: give a duration [ms], or inputs for all steps.")
        if duration is None:
            length = length_of(inputs, 1 if axis == "B" else 0, "inputs")
            return length, None if axis is None else length_of(inputs, 0 if axis == "B" else 1, "inputs")
        if axis is None:
            return step_count(duration, self.dt), None
        if self.state is None:
            raise ShapeError("A duration does not tell the batch size: call reset_state(batch_size) first.")
        return step_count(duration, self.dt), length_of(self.state.system, 0, "states")

    def _check_monitors(self) -> None:
        """Read once, without computing anything, so that an unknown path is an error now."""
        one = Loop(self.dt, self.t0)
        eqx.filter_eval_shape(lambda: self.monitors(one.start(self.target, key=self.key).system))

    def _loop(self, shared: Mapping[str, Any]) -> Loop:
        return Loop(self.dt, self.t0, self.data_first_axis is not None, shared=shared)


@eqx.filter_jit
def _advance(
    loop: Loop,
    target: DynamicalSystem,
    state: RunState,
    xs: Any,
    length: int,
    hold: bool,
    key: PRNGKeyArray | None,
    monitors: Monitors,
) -> tuple[RunState, Any]:
    return loop.advance(target, state, xs, length, key=key, hold=hold, read=monitors)


def _rows(tree: Any, first: int, count: int) -> Any:
    return jax.tree.map(lambda a: a[first : first + count], tree)


def _sizes(length: int) -> Iterator[int]:
    """Chunks of equal size where one near the usual size divides the length, so that one program serves them all."""
    size = next((n for n in range(2 * _CHUNK, _CHUNK // 2, -1) if length % n == 0), _CHUNK)
    while length > 0:
        yield min(size, length)
        length -= size
