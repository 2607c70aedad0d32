"""All-to-all connections."""

import equinox as eqx
import numpy as np
from jaxtyping import PRNGKeyArray

from dynplug.connectors.connections import Connections
from dynplug.connectors.drawing import one_population


class AllToAll(eqx.Module):
    r"""Every unit reaches every unit.

    $$j \to i \quad \text{for all } i, j$$

    ```python
    assert len(dp.connectors.AllToAll()(3, 2)) == 6
    assert len(dp.connectors.AllToAll(self_connections=False)(3, 3)) == 6
    ```

    **Arguments:**

    - `self_connections`: whether a unit reaches itself; `False` is for a population connected with itself.

    **Raises:** `ShapeError` if two populations cannot be one.

    **Reference:** Senk, J. et al. (2022), Connectivity concepts in neuronal network modeling,
    doi:10.1371/journal.pcbi.1010086.
    """

    self_connections: bool = True

    def __call__(self, pre: int, post: int, *, key: PRNGKeyArray | None = None) -> Connections:
        receiver, sender = np.divmod(np.arange(pre * post), pre)
        if not self.self_connections:
            one_population(self, pre, post)
            sender, receiver = sender[sender != receiver], receiver[sender != receiver]
        return Connections(sender, receiver, pre, post)

    def expected(self, pre: int, post: int) -> int:
        """The number of connections."""
        return pre * post - (0 if self.self_connections else pre)
