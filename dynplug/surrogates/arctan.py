"""The arc tangent's derivative as a surrogate."""

import math
from typing import ClassVar

from jaxtyping import Array, Float

from dynplug.core import Parameter, param
from dynplug.surrogates.base import Surrogate


class Arctan(Surrogate):
    r"""The derivative of the arc tangent.

    $$\Theta'(x) = \frac{\alpha / 2}{1 + \left(\frac{\pi}{2} \alpha x\right)^2}$$

    ```python
    spike, slope = jax.value_and_grad(dp.surrogates.Arctan(alpha=2.0))(jnp.array(0.0))     # at the threshold
    assert spike == 1.0 and slope == 2.0 / 2
    ```

    **Arguments:**

    - `alpha`: the slope; the derivative at the threshold is `alpha / 2` [1/mV].

    **Reference:** Fang, W. et al. (2021), Incorporating learnable membrane time constant to enhance learning of
    spiking neural networks, doi:10.1109/ICCV48922.2021.00266.
    """

    alpha: Parameter = param(2.0, positive=True)

    equation: ClassVar = "alpha / 2 / (1 + (pi / 2 * alpha * x)**2)"

    def derivative(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
        return 0.5 * self.alpha / (1.0 + (0.5 * math.pi * self.alpha * x) ** 2)
