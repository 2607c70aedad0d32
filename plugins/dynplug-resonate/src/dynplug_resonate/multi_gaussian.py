"""A normal density with negative flanks as a surrogate."""

import math
from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from dynplug import Parameter, param
from dynplug.surrogates import Surrogate


class MultiGaussian(Surrogate):
    r"""A normal density, less two broad ones beside it.

    $$\Theta'(x) = (1 + h)\,\mathcal N(x; 0, \sigma) - h\,\mathcal N(x; \sigma, s\sigma) -
    h\,\mathcal N(x; -\sigma, s\sigma)$$

    $\mathcal N(x; \mu, \sigma)$ is the normal density with mean $\mu$ and standard deviation $\sigma$. The two broad
    ones make the derivative negative far from the threshold.

    ```python
    from dynplug_resonate import MultiGaussian

    spike, slope = jax.value_and_grad(MultiGaussian(h=0.15, s=6.0, sigma=0.5))(jnp.array(-2.0))     # 2 mV below
    assert spike == 0.0 and slope < 0.0     # negative far from the threshold
    ```

    **Arguments:**

    - `h`: the weight of each broad density [-].
    - `s`: the factor by which they are broader [-].
    - `sigma`: the standard deviation of the narrow density [mV].

    **Reference:** Yin, B., Corradi, F. & Bohté, S. M. (2021), Accurate and efficient time-domain classification with
    adaptive spiking recurrent neural networks, doi:10.1038/s42256-021-00397-w.
    """

    h: Parameter = param(0.15)
    s: Parameter = param(6.0, positive=True)
    sigma: Parameter = param(0.5, positive=True)

    equation: ClassVar = (
        "((1 + h) * exp(-(x**2) / (2 * sigma**2))"
        " - h / s * (exp(-((x - sigma)**2) / (2 * (s * sigma)**2)) + exp(-((x + sigma)**2) / (2 * (s * sigma)**2))))"
        " / (sigma * sqrt(2 * pi))"
    )

    def derivative(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
        broad = self.s * self.sigma
        flanks = _normal(x - self.sigma, broad) + _normal(x + self.sigma, broad)
        return (1.0 + self.h) * _normal(x, self.sigma) - self.h * flanks


def _normal(x: Float[Array, "..."], sigma: Parameter) -> Float[Array, "..."]:
    return jnp.exp(-0.5 * (x / sigma) ** 2) / (sigma * math.sqrt(2.0 * math.pi))
