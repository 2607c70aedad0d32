"""Batch normalisation through time."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from dynplug.core import Context, as_count
from dynplug.errors import ShapeError
from dynplug.layers.normalising import Normalising, Statistics, moments


class BatchNormThroughTime(Normalising):
    r"""Batch normalisation through time (BNTT): each step has statistics and a trained scale of its own.

    $$y_i = \gamma_i \frac{x_i - \mu_i}{\sqrt{\sigma_i^2 + \epsilon}}$$

    While fitting, $\mu_i$ and $\sigma_i^2$ are the mean and the variance of a channel at step $i$ over all samples of a
    batch and all positions; else running ones. Steps beyond the last are taken as the last. It must be a direct part of
    the `Sequential` that is trained, and costs a second forward pass of what comes before it.

    ```python
    norm = dp.layers.BatchNormThroughTime(8, steps=20)
    model = dp.layers.Dense(3, 8, key=jax.random.key(0)) >> norm >> dp.neurons.LIF(8)
    assert dp.train_vars(norm)["weight"].shape == (20, 8)     # a scale for each step and channel
    ```

    **Arguments:**

    - `size`: the shape of the input: units, or (channels, ...), each channel being normalised by itself.
    - `steps`: the number of steps, from the start of a run.
    - `momentum`: the share of a batch in the running statistics [-].
    - `epsilon`: $\epsilon$ [square of the input].

    **Raises:** `ParameterError`; `ShapeError` for longer sequences while fitting; `CompositionError` where it is fitted
    inside of another system.

    **Reference:** Kim, Y. & Panda, P. (2021), Revisiting batch normalization for training low-latency deep spiking
    neural networks from scratch, doi:10.3389/fnins.2021.773954.
    """

    weight: Float[Array, "steps channels"]

    def __init__(self, size: int | Sequence[int], steps: int, *, momentum: float = 0.1, epsilon: float = 1e-5):
        self._start(size, momentum, epsilon, (as_count("steps", steps),))
        self.weight = jnp.ones_like(self.mean)

    def _of_batch(self, xs: Array, counts: Array | None, i: Array) -> Statistics:
        if len(xs) > len(self.weight):
            raise ShapeError(
                f"BatchNormThroughTime(steps={len(self.weight)}) is fitted to sequences of {len(xs)} steps: make it "
                f"with steps={len(xs)}."
            )
        known = self._there(xs, counts)[:, None]
        found = moments(xs, counts, (1, *range(3, xs.ndim)))
        running = self.mean, self.variance
        return jax.tree.map(lambda old, new: self._at(old, new, known, i), running, found)

    def _learned(self, xs: Array, counts: Array | None, i: Array) -> Array:
        share = jnp.where(self._there(xs, counts), self.momentum, 0.0)[:, None].astype(self.mean.dtype)
        none = jnp.zeros((len(self.mean), 1), self.mean.dtype)
        return jax.lax.dynamic_update_slice_in_dim(none, share, i, 0)

    def _scaled(self, x: Array, mean: Array, variance: Array, ctx: Context) -> Array:
        at = jnp.minimum(ctx.i, len(self.weight) - 1)
        return self._wide(self.weight[at]) * self._normalised(x, mean[at], variance[at])

    def _there(self, xs: Array, counts: Array | None) -> Array:
        """A mask of the steps that at least one sample has."""
        return jnp.ones(len(xs), bool) if counts is None else jnp.any(counts, axis=1)

    def _at(self, old: Array, new: Array, known: Array, i: Array) -> Array:
        """Statistics of all steps, those that were found in their places."""
        here = jax.lax.dynamic_slice_in_dim(old, i, len(new), 0)
        return jax.lax.dynamic_update_slice_in_dim(old, jnp.where(known, new, here), i, 0)
