"""A scale-free network."""

import equinox as eqx
from jaxtyping import PRNGKeyArray

from dynplug.connectors.connections import Connections
from dynplug.connectors.graphs import graph_connections
from dynplug.core import as_whole
from dynplug.errors import ParameterError


class ScaleFree(eqx.Module):
    r"""Units are added one by one, each connected with `m` earlier ones with probability proportional to their degree.

    $$P(i \leftrightarrow j) = \frac{k_j}{\sum_l k_l} \quad \text{for each connection of a new unit } i
    \text{ with an earlier one } j \text{ of degree } k_j$$

    Connections go both ways, and no unit reaches itself. `networkx` draws them: `pip install 'dynplug[graph]'`.

    ```python
    found = dp.connectors.ScaleFree(2)(100, 100, key=jax.random.key(0))
    assert np.bincount(found.pre).max() > 4 * len(found) / 100     # there are hubs
    ```

    **Arguments:**

    - `m`: the number of connections of each added unit.

    **Raises:** `ShapeError` for two populations; `ParameterError`; `KeyRequiredError`.

    **Reference:** Barabási, A.-L. & Albert, R. (1999), Emergence of scaling in random networks,
    doi:10.1126/science.286.5439.509.
    """

    m: int

    def __check_init__(self) -> None:
        as_whole("ScaleFree: m", self.m, error=ParameterError)

    def __call__(self, pre: int, post: int, *, key: PRNGKeyArray | None = None) -> Connections:
        return graph_connections(self, "barabasi_albert_graph", self.m, pre=pre, post=post, key=key)

    def expected(self, pre: int, post: int) -> int:
        """The number of connections."""
        return 2 * self.m * (pre - self.m)
