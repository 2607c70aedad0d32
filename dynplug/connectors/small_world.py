"""A small-world network."""

import equinox as eqx
from jaxtyping import PRNGKeyArray

from dynplug.connectors.connections import Connections
from dynplug.connectors.graphs import graph_connections
from dynplug.core import as_whole, check_number
from dynplug.errors import ParameterError


class SmallWorld(eqx.Module):
    r"""A ring of units, each connected with its `k` nearest neighbours, with some connections rewired at random.

    $$i \leftrightarrow j \quad \text{for } 0 < |i - j| \le k / 2 \text{ around the ring; each is rewired with
    probability } p$$

    Connections go both ways, and no unit reaches itself. `networkx` draws them: `pip install 'dynplug[graph]'`.

    ```python
    ring = dp.connectors.SmallWorld(2, p=0.0)(5, 5, key=jax.random.key(0))
    assert ring.pre[ring.post == 0].tolist() == [1, 4]     # its neighbours
    ```

    **Arguments:**

    - `k`: the number of nearest neighbours of each unit; an odd number is taken as the even one below it.
    - `p`: the probability of rewiring a connection: 0 gives the ring, 1 a random graph [-].

    **Raises:** `ShapeError` for two populations; `ParameterError`; `KeyRequiredError`.

    **Reference:** Watts, D. J. & Strogatz, S. H. (1998), Collective dynamics of 'small-world' networks,
    doi:10.1038/30918.
    """

    k: int
    p: float

    def __check_init__(self) -> None:
        as_whole("SmallWorld: k", self.k, least=0, error=ParameterError)
        check_number("SmallWorld: the probability p", self.p, least=0.0, most=1.0)

    def __call__(self, pre: int, post: int, *, key: PRNGKeyArray | None = None) -> Connections:
        return graph_connections(self, "watts_strogatz_graph", self.k, self.p, pre=pre, post=post, key=key)

    def expected(self, pre: int, post: int) -> int:
        """The number of connections."""
        return 2 * (self.k // 2) * pre
