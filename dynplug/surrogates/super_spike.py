"""SuperSpike's fast sigmoid as a surrogate."""

from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from dynplug.core import Parameter, param
from dynplug.surrogates.base import Surrogate


class SuperSpike(Surrogate):
    r"""The derivative of a fast sigmoid.

    $$\Theta'(x) = \frac{1}{(1 + \beta |x|)^2}$$

    ```python
    spike, slope = jax.value_and_grad(dp.surrogates.SuperSpike(beta=10.0))(jnp.array(-0.1))     # 0.1 mV below
    assert spike == 0.0 and np.isclose(slope, 1 / (1 + 10.0 * 0.1) ** 2)
    ```

    **Arguments:**

    - `beta`: the steepness; the larger, the narrower the derivative [1/mV].

    **Reference:** Zenke, F. & Ganguli, S. (2018), SuperSpike: supervised learning in multilayer spiking neural
    networks, doi:10.1162/neco_a_01086.
    """

    beta: Parameter = param(10.0, positive=True)

    equation: ClassVar = "1 / (1 + beta * abs(x))**2"

    def derivative(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
        return 1.0 / (1.0 + self.beta * jnp.abs(x)) ** 2
