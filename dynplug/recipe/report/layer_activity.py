"""Spike rates of the units of each layer."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np

from dynplug.core import to_jax
from dynplug.diagnosis import reader
from dynplug.recipe.report.reported import Reported
from dynplug.run import LoopOverTime

_SAMPLES = 256  # at most, whose spikes are held in memory


class LayerActivity(NamedTuple):
    """The spikes of a layer.

    **Attributes:**

    - `path`: the layer.
    - `rates`: of each unit, the mean over samples [Hz].
    - `spikes`: those of the first sample, (time, units).
    """

    path: str
    rates: np.ndarray
    spikes: np.ndarray


def layer_activity(reported: Reported) -> tuple[list[LayerActivity], int]:
    """The activity of all layers that spike, and of how many samples, the first ones, it is."""
    pair, model, runner = reported.shown, reported.model, reported.runner
    if pair is None:
        return [], 0
    few = pair.rows(np.arange(min(_SAMPLES, pair.samples)))
    xs = jax.tree.map(to_jax, reported.layout.enter(few.x))
    shared, key = reported.fit.get("shared_args"), jax.random.key(0)
    options: dict[str, Any] = {"dt": runner.dt, "t0": reported.trainer.t0, "shared_arg": shared}
    loop = LoopOverTime(model, data_first_axis="T", **options)
    state = eqx.filter_eval_shape(lambda: loop.reset_state(few.size, key=key).system)
    layers = reader(model, state).spiking
    if not layers:
        return [], few.size
    paths = [f"{path}.spike" if path else "spike" for path in layers]
    _, (_, seen) = LoopOverTime(model, paths, data_first_axis="T", **options)(xs, key=key)
    ends = np.full(few.size, len(seen[0])) if few.lengths is None else np.asarray(few.lengths)
    count = (np.arange(len(seen[0]))[:, None] < ends).astype(float)  # of the steps that count, (time, batch)
    made = zip(layers, (np.asarray(spikes, float) for spikes in seen), strict=True)
    return [_of_layer(path, spikes.reshape(*count.shape, -1), count, runner.dt) for path, spikes in made], few.size


def _of_layer(path: str, spikes: np.ndarray, count: np.ndarray, dt: float) -> LayerActivity:
    rates = np.einsum("tbu,tb->u", spikes, count) / (count.sum() * dt) * 1e3  # dt in ms
    return LayerActivity(path, rates, spikes[: int(count[:, 0].sum()), 0])
