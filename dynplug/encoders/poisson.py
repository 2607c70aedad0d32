"""Poisson coding."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray

from dynplug.core import check_key
from dynplug.encoders.values import encodable
from dynplug.errors import KeyRequiredError, ParameterError


class Poisson(eqx.Module):
    r"""Independent spikes at a rate proportional to the value.

    In each step a value $x \in [0, 1]$ spikes with the probability

    $$P(s_i = 1) = x\,r\,\Delta t,$$

    the Bernoulli approximation of a Poisson process, accurate while that is small.

    ```python
    spikes = dp.encoders.Poisson(1000, rate=0.2)(np.array([1.0, 0.5, 0.0]), key=jax.random.key(0))
    assert np.allclose(spikes.mean(0), [0.2, 0.1, 0.0], atol=0.03)     # (time, values), per step of 1 ms
    ```

    **Arguments:**

    - `num_step`: the number of steps.
    - `rate`: $r$, the rate of the value 1 [kHz].
    - `dt`: the length of a step [ms].

    Called as `encoder(x, key=key)`: an array of values of any shape gives booleans, time first, (num_step, *shape).

    **Raises:** `ParameterError`; `KeyRequiredError`; `DataError` for values that are not between 0 and 1, which
    have no rate: within a traced function they are clipped to 0 or 1.

    **Reference:** Diehl, P. U. & Cook, M. (2015), Unsupervised learning of digit recognition using
    spike-timing-dependent plasticity, doi:10.3389/fncom.2015.00099.
    """

    num_step: int
    rate: float = 0.5
    dt: float = 1.0

    def __check_init__(self) -> None:
        if self.num_step < 1 or not 0.0 <= self.rate * self.dt <= 1.0:
            raise ParameterError(
                f"Poisson(num_step={self.num_step}, rate={self.rate}, dt={self.dt}): num_step must be at least 1, and "
                "rate * dt, the probability of a spike in a step, must lie between 0 and 1."
            )

    def __call__(self, x: Any, *, key: PRNGKeyArray | None = None) -> Array:
        if key is None:
            raise KeyRequiredError("The Poisson encoder draws spikes: call it as encoder(x, key=jax.random.key(0)).")
        check_key(key)
        x = encodable(self, x)
        probability = jnp.broadcast_to(x * (self.rate * self.dt), (self.num_step, *x.shape))
        return jax.random.bernoulli(key, probability)
