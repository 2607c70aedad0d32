"""Poisson coding."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, PRNGKeyArray

from dynplug.core import as_whole, check_key, check_number
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
        as_whole("Poisson: num_step", self.num_step, error=ParameterError)
        check_number("Poisson: rate", self.rate, least=0.0)
        check_number("Poisson: dt", self.dt, above=0.0)
        check_number("Poisson: rate * dt, the probability of a spike in a step,", self.rate * self.dt, most=1.0)

    def __call__(self, x: ArrayLike | Sequence[object], *, key: PRNGKeyArray | None = None) -> Array:
        if key is None:
            raise KeyRequiredError("The Poisson encoder draws spikes: call it as encoder(x, key=jax.random.key(0)).")
        check_key(key)
        x = encodable(self, x)
        probability = jnp.broadcast_to(jnp.clip(x, 0.0, 1.0) * (self.rate * self.dt), (self.num_step, *x.shape))
        return jax.random.bernoulli(key, probability)
