"""The sigmoid's derivative as a surrogate."""

from typing import ClassVar

import jax
from jaxtyping import Array, Float

from dynplug.core import Parameter, param
from dynplug.surrogates.base import Surrogate


class Sigmoid(Surrogate):
    r"""The derivative of the logistic function $\sigma$.

    $$\Theta'(x) = \alpha\,\sigma(\alpha x)\,(1 - \sigma(\alpha x))$$

    ```python
    spike, slope = jax.value_and_grad(dp.surrogates.Sigmoid(alpha=4.0))(jnp.array(0.0))     # at the threshold
    assert spike == 1.0 and slope == 4.0 / 4
    ```

    **Arguments:**

    - `alpha`: the slope; the larger, the narrower the derivative [1/mV].

    **Reference:** Zenke, F. & Vogels, T. P. (2021), The remarkable robustness of surrogate gradient learning,
    doi:10.1162/neco_a_01367.
    """

    alpha: Parameter = param(4.0, positive=True)

    equation: ClassVar = "alpha * exp(-alpha * x) / (1 + exp(-alpha * x))**2"

    def derivative(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
        s = jax.nn.sigmoid(self.alpha * x)
        return self.alpha * s * (1.0 - s)
