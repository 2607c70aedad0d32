"""A running mean of the parameters over the steps of a training."""

import math
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Int, PyTree

from dynplug.errors import OptionError


@partial(jax.tree_util.register_dataclass, data_fields=["params", "steps"], meta_fields=["decay"])
@dataclass(frozen=True)
class Average:
    r"""The exponential mean of the parameters after each step, without a share of those before the first one.

    $$\bar\theta_t = \frac{1 - d}{1 - d^t} \sum_{k=1}^{t} d^{\,t-k}\, \theta_k$$

    Batches whose gradients are accumulated are no steps but the last of them.

    **Attributes:** `params`, the mean, or before the first step the parameters; `steps`, $t$; `decay`, $d$.

    **Reference:** Polyak, B. T. & Juditsky, A. B. (1992), Acceleration of stochastic approximation by averaging,
    doi:10.1137/0330046.
    """

    params: PyTree
    steps: Int[Array, ""]
    decay: float

    @classmethod
    def of(cls, params: PyTree, decay: float, steps: int = 0) -> "Average":
        """A mean that stands at these parameters."""
        return cls(params, jnp.asarray(steps, jnp.int32), decay)

    def after(self, params: PyTree) -> "Average":
        """The mean after one more step, with the parameters after it."""
        steps = self.steps + 1
        with jax.numpy_dtype_promotion("standard"):
            log = jnp.asarray(math.log(self.decay))  # 1 - d, and so the share, would lose digits to rounding
            share = jnp.expm1(log) / jnp.expm1(log * steps.astype(log.dtype))
            mean = optax.incremental_update(params, self.params, share)
        return Average(jax.tree.map(lambda new, p: new.astype(p.dtype), mean, params), steps, self.decay)


def as_decay(given: object) -> float | None:
    """The decay of a mean of the parameters, or `None`. **Raises:** `OptionError`."""
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not 0 < given < 1:
        raise OptionError(f"ema={given!r} must be a number between 0 and 1, such as 0.999; or None for no average.")
    return float(given)


def as_average(given: object, params: PyTree) -> Average | None:
    """The mean with a decay as given, at these parameters; `None` for none. **Raises:** `OptionError`."""
    decay = as_decay(given)
    return None if decay is None else Average.of(params, decay)
