"""Given spike trains."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from dynplug.core import Context, as_indices, as_size, as_times, in_steps
from dynplug.errors import ParameterError
from dynplug.sources.source import Source, SpikesState


class SpikeTimes(Source):
    r"""Spikes at given times. The output is the number of spikes in a step, 0 or 1 if `dt` is fine enough.

    $$s_{k,i} = \text{number of spikes of unit } k \text{ at times } t \text{ with } t_i \le t < t_i + \Delta t$$

    A decimal time on the grid of steps, such as 0.3 ms in steps of 0.1 ms, falls into the step that begins then. Times
    before the run and after it deliver nothing; two spikes of a unit in one step count as 2, so that none is lost. A
    step costs as much as the largest number of spikes in any step.

    ```python
    source = dp.sources.SpikeTimes(3, times=[0.3, 0.3, 5.0], indices=[0, 2, 1])
    _, spikes = dp.LoopOverTime(source, dt=0.1)(10.0)
    assert np.argwhere(spikes).tolist() == [[3, 0], [3, 2], [50, 1]]     # (step, unit)
    ```

    **Arguments:**

    - `size`: the number of units, or the shape of a grid of them.
    - `times`: the times of all spikes, in any order [ms].
    - `indices`: the unit of each spike, counted in rows on a grid.

    **Raises:** `ParameterError`.

    **Reference:** Stimberg, M. et al. (2019), Brian 2, an intuitive and efficient neural simulator,
    doi:10.7554/eLife.47314.
    """

    size: tuple[int, ...] = eqx.field(static=True, converter=as_size)
    times: tuple[float, ...] = eqx.field(static=True, repr=False, converter=lambda given: as_times("times", given))
    indices: tuple[int, ...] = eqx.field(static=True, repr=False, converter=lambda given: _listed(given))

    def __check_init__(self) -> None:
        count = int(np.prod(self.size))
        if len(self.times) != len(self.indices):
            raise ParameterError(
                f"SpikeTimes has {len(self.times)} times and {len(self.indices)} indices: give one index for each time."
            )
        wrong = [index for index in self.indices if not 0 <= index < count]
        if wrong:
            raise ParameterError(f"SpikeTimes has an index {wrong[0]}, but units are counted from 0 to {count - 1}.")

    def init_state(self, ctx: Context) -> SpikesState:
        return SpikesState(jnp.zeros(self.size, ctx.dtype))

    def generate(self, state: SpikesState, ctx: Context) -> tuple[SpikesState, Float[Array, "*size"]]:
        steps, units = self._in_order(ctx)
        spike = jnp.zeros(int(np.prod(self.size)), ctx.dtype)
        if len(steps):
            # the spikes of a step are neighbours, and so within a window from the first of them
            window = int(np.max(np.unique(steps, return_counts=True)[1]))
            steps, units = np.pad(steps, (0, window), constant_values=-1), np.pad(units, (0, window))
            first = jnp.searchsorted(jnp.asarray(steps[:-window]), ctx.i)
            steps, units = (jax.lax.dynamic_slice_in_dim(jnp.asarray(a), first, window) for a in (steps, units))
            spike = spike.at[units].add((steps == ctx.i).astype(ctx.dtype))
        spike = spike.reshape(self.size)
        return SpikesState(spike), spike

    def _in_order(self, ctx: Context) -> tuple[np.ndarray, np.ndarray]:
        """The step and the unit of each spike that falls into a step, step after step."""
        exact = np.floor(in_steps(np.asarray(self.times, float), ctx.t0, ctx.dt))
        delivered = (exact >= 0) & (exact < 2**31 - 1)
        steps, units = exact[delivered].astype(np.int32), np.asarray(self.indices, np.int32)[delivered]
        order = np.argsort(steps, kind="stable")
        return steps[order], units[order]


def _listed(indices: object) -> tuple[int, ...]:
    return tuple(as_indices("indices", indices).tolist())
