"""Noise without memory."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Array

from dynplug.core import Context, Parameter, as_size, check_not_negative, param, white
from dynplug.inputs.input import Input


def white_noise(sigma: Any, size: int | Sequence[int] | None = None) -> Input:
    r"""Gaussian white noise, drawn anew in each step from the runner's key.

    $$I(t) = \sigma\,\xi(t), \qquad I_i = \frac{\sigma}{\sqrt{\Delta t}}\,N(0, 1)$$

    The integral over a time $T$ has the standard deviation $\sigma \sqrt{T}$, whatever the step. Noise with a
    correlation time keeps a state, and so is a source: `dp.sources.OrnsteinUhlenbeck`.

    ```python
    I = dp.inputs.white_noise(0.5, size=2000).sample(1.0, dt=0.1, key=jax.random.key(0))
    assert abs((0.1 * I).sum(0).std() - 0.5) < 0.05     # sigma times the root of 1 ms
    ```

    **Arguments:**

    - `sigma`: $\sigma$, a number, or one per unit [nA·√ms].
    - `size`: the number of units, or the shape of a grid of them, each with noise of its own; `None`: as many as
        `sigma` has values, so that a number is one noise that all units share.

    **Raises:** `ParameterError`; `KeyRequiredError` in a run without a key.

    **Reference:** Gerstner, W. et al. (2014), Neuronal Dynamics, section 8.1, doi:10.1017/CBO9781107447615.
    """
    return Noise(sigma, np.shape(sigma) if size is None else as_size(size))


class Noise(Input):
    """Independent Gaussian numbers, scaled so that their integral does not depend on the step."""

    sigma: Parameter = param()
    size: tuple[int, ...] = eqx.field(static=True, default=())

    def __check_init__(self) -> None:
        check_not_negative(self, "sigma")

    def __call__(self, ctx: Context) -> Array:
        return white(self.sigma, self.size, ctx)
