"""Threshold-dependent batch normalisation."""

from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from dynplug.core import Context, check_number
from dynplug.layers.normalising import Normalising, Statistics, all_axes, moments


class TDBatchNorm(Normalising):
    r"""Threshold-dependent batch normalisation (tdBN): inputs of a neuron get the scale of its threshold.

    $$y = \lambda\, \alpha V_\mathrm{th} \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta$$

    While fitting, $\mu$ and $\sigma^2$ are the mean and the variance of a channel over all samples of a batch, all its
    steps and positions; else running ones, $\mu \leftarrow \mu + m\,(\mu_\mathrm{batch} - \mu)$. It must be a direct
    part of the `Sequential` that is trained, and costs a second forward pass of what comes before it.

    ```python
    model = dp.Sequential(
        encode=dp.layers.Dense(3, 8, key=jax.random.key(0)),
        norm=dp.layers.TDBatchNorm(8, V_th=1.0),
        hidden=dp.neurons.LIF(8, V_th=1.0),
    )
    ```

    **Arguments:**

    - `size`: the shape of the input: units, or (channels, ...), each channel being normalised by itself.
    - `V_th`: the threshold of the neuron that comes next [mV].
    - `alpha`: a factor for layers whose outputs are added [-].
    - `momentum`: $m$, the share of a batch in the running statistics [-].
    - `epsilon`: $\epsilon$ [square of the input].

    **Raises:** `ParameterError`; `CompositionError` where it is fitted inside of another system.

    **Reference:** Zheng, H., Wu, Y., Deng, L., Hu, Y. & Li, G. (2021), Going deeper with directly-trained larger
    spiking neural networks, doi:10.1609/aaai.v35i12.17320.
    """

    weight: Float[Array, " channels"]
    bias: Float[Array, " channels"]
    V_th: float = eqx.field(static=True)
    alpha: float = eqx.field(static=True)

    def __init__(
        self,
        size: int | Sequence[int],
        *,
        V_th: float = 1.0,
        alpha: float = 1.0,
        momentum: float = 0.1,
        epsilon: float = 1e-5,
    ):
        for name, value in (("V_th", V_th), ("alpha", alpha)):
            check_number(f"TDBatchNorm: {name}", value, above=0.0)
        self._start(size, momentum, epsilon)
        self.weight, self.bias = jnp.ones(self.size[:1]), jnp.zeros(self.size[:1])
        self.V_th, self.alpha = float(V_th), float(alpha)

    def _of_batch(self, xs: Array, counts: Array | None, i: Array) -> Statistics:
        return moments(xs, counts, all_axes(xs))

    def _learned(self, xs: Array, counts: Array | None, i: Array) -> float:
        return self.momentum

    def _scaled(self, x: Array, mean: Array, variance: Array, ctx: Context) -> Array:
        scale = self._wide(self.weight) * (self.alpha * self.V_th)
        return scale * self._normalised(x, mean, variance) + self._wide(self.bias)
