"""Latency coding."""

from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, PRNGKeyArray

from dynplug.core import as_whole, check_number
from dynplug.encoders.values import encodable, refuse
from dynplug.errors import ParameterError


class Latency(eqx.Module):
    r"""One spike per value, the earlier the larger the value.

    A value $x$ in (0, 1] spikes at the step

    $$i(x) = \mathrm{round}((1 - x)(n - 1)),$$

    or, with `tau`, at the one in which a leaky integrator driven by the current $x$ reaches `threshold`, counted from
    that of $x = 1$,

    $$i(x) = \mathrm{round}\left(\tau \ln\frac{x}{x - \theta} - \tau \ln\frac{1}{1 - \theta}\right).$$

    Values up to `threshold` never spike.

    ```python
    spikes = dp.encoders.Latency(11)(np.array([1.0, 0.7, 0.0]))     # (time, values)
    assert spikes.sum(0).tolist() == [1, 1, 0]     # 0 never spikes
    assert np.argmax(spikes, 0)[:2].tolist() == [0, 3]     # round((1 - x) 10)
    ```

    **Arguments:**

    - `num_step`: the number of steps $n$.
    - `threshold`: $\theta$, the largest value that stays silent [-].
    - `tau`: time constant of the logarithmic code; `None` for the linear code [steps].

    Called as `encoder(x)`: an array of values of any shape gives booleans, time first, (n, *shape).

    **Raises:** `ParameterError`; `DataError` for values that are not between 0 and 1, or would spike after the last
    step: within a traced function such a value is silent.

    **Reference:** Gollisch, T. & Meister, M. (2008), Rapid neural coding in the retina with relative spike latencies,
    doi:10.1126/science.1149639.
    """

    num_step: int
    threshold: float = 0.01
    tau: float | None = None

    def __check_init__(self) -> None:
        as_whole("Latency: num_step", self.num_step, error=ParameterError)
        check_number("Latency: threshold", self.threshold, least=0.0, below=1.0)
        if self.tau is not None:
            check_number("Latency: tau", self.tau, above=0.0)

    def __call__(self, x: ArrayLike | Sequence[object], *, key: PRNGKeyArray | None = None) -> Array:
        x = encodable(self, x)
        late, spikes = self._coded(x)
        wanted = f"values that spike within num_step={self.num_step} steps: take more steps, or a larger threshold"
        refuse(self, x, late, wanted)
        return spikes

    @eqx.filter_jit
    def _coded(self, x: Float[Array, "..."]) -> tuple[Array, Array]:
        """A mask of the values whose spike would come after the last step, and the spikes."""
        fires = (x > self.threshold) & (x <= 1.0)  # a value above 1 is refused, unless it is traced
        time = self._linear(x) if self.tau is None else self._logarithmic(jnp.where(fires, x, 1.0))
        step = jnp.where(fires, jnp.round(time), -1.0)
        steps = jnp.arange(self.num_step, dtype=x.dtype).reshape((-1,) + (1,) * x.ndim)
        return step >= self.num_step, steps == step[None]

    def _linear(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
        return (1.0 - x) * (self.num_step - 1)

    def _logarithmic(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
        assert self.tau is not None
        soonest = jnp.log(1.0 / (1.0 - self.threshold))
        return self.tau * (jnp.log(x / (x - self.threshold)) - soonest)
