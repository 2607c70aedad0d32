"""Temporal effective batch normalisation."""

from collections.abc import Sequence

import jax.numpy as jnp
from jaxtyping import Array, Float

from dynplug.core import Context, as_count
from dynplug.layers.normalising import Normalising, Statistics, all_axes, moments


class TEBatchNorm(Normalising):
    r"""Temporal effective batch normalisation (TEBN): one normalisation for all steps, and a trained weight for each.

    $$y_i = p_i \left( \gamma \frac{x_i - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta \right)$$

    While fitting, $\mu$ and $\sigma^2$ are the mean and the variance of a channel over all samples of a batch, all its
    steps and positions; else running ones, as of `TDBatchNorm`. Steps beyond the last have its weight. It must be a
    direct part of the `Sequential` that is trained, and costs a second forward pass of what comes before it.

    ```python
    norm = dp.layers.TEBatchNorm(8, steps=20)
    model = dp.layers.Dense(3, 8, key=jax.random.key(0)) >> norm >> dp.neurons.LIF(8)
    assert sum(p.size for p in dp.train_vars(norm).values()) == 8 + 8 + 20     # gamma, beta and a weight for each step
    ```

    **Arguments:**

    - `size`: the shape of the input: units, or (channels, ...), each channel being normalised by itself.
    - `steps`: the number of steps, from the start of a run.
    - `momentum`: the share of a batch in the running statistics [-].
    - `epsilon`: $\epsilon$ [square of the input].

    **Raises:** `ParameterError`; `CompositionError` where it is fitted inside of another system.

    **Reference:** Duan, C., Ding, J., Chen, S., Yu, Z. & Huang, T. (2022), Temporal effective batch normalization in
    spiking neural networks, Advances in Neural Information Processing Systems 35, 34377-34390.
    """

    step_weight: Float[Array, " steps"]
    weight: Float[Array, " channels"]
    bias: Float[Array, " channels"]

    def __init__(self, size: int | Sequence[int], steps: int, *, momentum: float = 0.1, epsilon: float = 1e-5):
        self._start(size, momentum, epsilon)
        self.step_weight = jnp.ones(as_count("steps", steps))
        self.weight, self.bias = jnp.ones(self.size[:1]), jnp.zeros(self.size[:1])

    def _of_batch(self, xs: Array, counts: Array | None, i: Array) -> Statistics:
        return moments(xs, counts, all_axes(xs))

    def _learned(self, xs: Array, counts: Array | None, i: Array) -> float:
        return self.momentum

    def _scaled(self, x: Array, mean: Array, variance: Array, ctx: Context) -> Array:
        p = self.step_weight[jnp.minimum(ctx.i, len(self.step_weight) - 1)]
        return p * (self._wide(self.weight) * self._normalised(x, mean, variance) + self._wide(self.bias))
