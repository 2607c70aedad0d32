"""Connections with a fixed out-degree."""

import equinox as eqx
from jaxtyping import PRNGKeyArray

from dynplug.connectors.connections import Connections
from dynplug.connectors.drawing import generator, partners
from dynplug.core import as_whole
from dynplug.errors import ParameterError


class FixedOutDegree(eqx.Module):
    r"""Every sending unit reaches `n` distinct units, drawn at random.

    $$|\{i : j \to i\}| = n \quad \text{for each } j$$

    ```python
    found = dp.connectors.FixedOutDegree(10)(20, 1000, key=jax.random.key(0))
    assert np.bincount(found.pre).tolist() == [10] * 20
    ```

    **Arguments:**

    - `n`: the number of connections that a unit sends.
    - `self_connections`: whether a unit may reach itself; `False` is for a population connected with itself.

    **Raises:** `ParameterError` for more connections than there are units; `KeyRequiredError`.

    **Reference:** Senk, J. et al. (2022), Connectivity concepts in neuronal network modeling,
    doi:10.1371/journal.pcbi.1010086.
    """

    n: int
    self_connections: bool = True

    def __check_init__(self) -> None:
        as_whole("FixedOutDegree: n", self.n, least=0, error=ParameterError)

    def __call__(self, pre: int, post: int, *, key: PRNGKeyArray | None = None) -> Connections:
        sender, receiver = partners(self, self.n, generator(self, key), pre, post, self.self_connections)
        return Connections(sender, receiver, pre, post)

    def expected(self, pre: int, post: int) -> int:
        """The number of connections."""
        return self.n * pre
