"""One-to-one connections."""

import equinox as eqx
import numpy as np
from jaxtyping import PRNGKeyArray

from dynplug.connectors.connections import Connections
from dynplug.errors import ShapeError


class OneToOne(eqx.Module):
    r"""Every unit reaches the unit with the same index; both populations have the same size.

    $$j \to i \iff i = j$$

    ```python
    found = dp.connectors.OneToOne()(3, 3)
    assert found.pre.tolist() == found.post.tolist() == [0, 1, 2]
    ```

    **Raises:** `ShapeError` for populations of different sizes.

    **Reference:** Senk, J. et al. (2022), Connectivity concepts in neuronal network modeling,
    doi:10.1371/journal.pcbi.1010086.
    """

    def __call__(self, pre: int, post: int, *, key: PRNGKeyArray | None = None) -> Connections:
        if pre != post:
            raise ShapeError(f"OneToOne needs two populations of the same size; it was given {pre} and {post}.")
        return Connections(np.arange(pre), np.arange(pre), pre, post)

    def expected(self, pre: int, post: int) -> int:
        """The number of connections."""
        return pre
