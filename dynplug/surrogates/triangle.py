"""A triangle as a surrogate."""

from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from dynplug.core import Parameter, param
from dynplug.surrogates.base import Surrogate


class Triangle(Surrogate):
    r"""A triangle, zero beyond $w$ from the threshold.

    $$\Theta'(x) = \gamma \max(0,\ 1 - |x| / w)$$

    ```python
    spike, slope = jax.value_and_grad(dp.surrogates.Triangle(gamma=0.3, width=1.0))(jnp.array(-0.5))     # 0.5 mV below
    assert spike == 0.0 and np.isclose(slope, 0.3 * (1 - 0.5))
    ```

    **Arguments:**

    - `gamma`: the height, which damps gradients over many steps [1/mV].
    - `width`: $w$ [mV].

    **Reference:** Bellec, G. et al. (2018), Long short-term memory and learning-to-learn in networks of spiking
    neurons, arXiv:1803.09574.
    """

    gamma: Parameter = param(0.3, positive=True)
    width: Parameter = param(1.0, positive=True)

    equation: ClassVar = "gamma * max(0, 1 - abs(x) / width)"

    def derivative(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
        return self.gamma * jnp.maximum(0.0, 1.0 - jnp.abs(x) / self.width)
