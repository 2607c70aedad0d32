"""The normal density as a surrogate."""

import math
from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from dynplug.core import Parameter, param
from dynplug.surrogates.base import Surrogate


class Gaussian(Surrogate):
    r"""The normal density, the derivative of the error function.

    $$\Theta'(x) = \frac{1}{\sigma \sqrt{2 \pi}}\,e^{-x^2 / 2 \sigma^2}$$

    ```python
    spike, slope = jax.value_and_grad(dp.surrogates.Gaussian(sigma=0.5))(jnp.array(0.0))     # at the threshold
    assert spike == 1.0 and np.isclose(slope, 1 / (0.5 * np.sqrt(2 * np.pi)))
    ```

    **Arguments:**

    - `sigma`: the standard deviation [mV].

    **Reference:** Yin, B., Corradi, F. & Bohté, S. M. (2021), Accurate and efficient time-domain classification with
    adaptive spiking recurrent neural networks, doi:10.1038/s42256-021-00397-w.
    """

    sigma: Parameter = param(0.5, positive=True)

    equation: ClassVar = "exp(-(x**2) / (2 * sigma**2)) / (sigma * sqrt(2 * pi))"

    def derivative(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
        return jnp.exp(-0.5 * (x / self.sigma) ** 2) / (self.sigma * math.sqrt(2.0 * math.pi))
