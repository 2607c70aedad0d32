"""Connections with a fixed probability."""

from typing import ClassVar

import equinox as eqx
import numpy as np
from jaxtyping import PRNGKeyArray

from dynplug.connectors.connections import Connections
from dynplug.connectors.drawing import generator, one_population
from dynplug.core import check_number


class FixedProbability(eqx.Module):
    r"""Each pair is connected with probability `p`, independently: a random graph of Gilbert.

    $$P(j \to i) = p$$

    ```python
    found = dp.connectors.FixedProbability(0.1)(200, 200, key=jax.random.key(0))
    assert abs(len(found) / 200**2 - 0.1) < 0.01
    ```

    **Arguments:**

    - `p`: the probability of a connection [-].
    - `self_connections`: whether a unit may reach itself; `False` is for a population connected with itself.

    **Raises:** `ParameterError`; `KeyRequiredError`.

    **Reference:** Gilbert, E. N. (1959), Random graphs, doi:10.1214/aoms/1177706098.
    """

    p: float
    self_connections: bool = True
    independent: ClassVar[bool] = True

    def __check_init__(self) -> None:
        check_number("FixedProbability: the probability p", self.p, least=0.0, most=1.0)

    def __call__(self, pre: int, post: int, *, key: PRNGKeyArray | None = None) -> Connections:
        rng = generator(self, key)
        receiver, sender = np.divmod(_successes(rng, pre * post, self.p), pre)
        if not self.self_connections:
            one_population(self, pre, post)
            sender, receiver = sender[sender != receiver], receiver[sender != receiver]
        return Connections(sender, receiver, pre, post)

    def expected(self, pre: int, post: int) -> float:
        """The expected number of connections."""
        return self.p * (pre * post - (0 if self.self_connections else pre))


def _successes(rng: np.random.Generator, trials: int, p: float) -> np.ndarray:
    """The successes among independent trials, in time and memory proportional to their number.

    The gaps between successes are geometric (Batagelj, V. & Brandes, U. (2005), Efficient generation of large random
    networks, doi:10.1103/PhysRevE.71.036113).
    """
    if p == 0.0:
        return np.zeros(0, np.int64)
    found, last, rate = [], -1, -np.log1p(-p) if p < 1.0 else np.inf
    while last < trials:
        few = max(16, int(1.01 * p * (trials - last)) + 100)
        # The inverse of the distribution; a gap beyond the end, of whatever length, ends the trials.
        with np.errstate(over="ignore"):
            gaps = np.minimum(1.0 + np.floor(rng.standard_exponential(few) / rate), trials + 1.0)
        found.append(last + np.cumsum(gaps.astype(np.int64)))
        last = int(found[-1][-1])
    successes = np.concatenate(found)
    return successes[: np.searchsorted(successes, trials)]
