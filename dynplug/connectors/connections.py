"""A set of connections between two populations."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int

from dynplug.core import as_indices, to_jax
from dynplug.errors import ShapeError


class Connections(eqx.Module):
    """Pairs of units, as a connector returns them.

    The pairs are two lists of indices, sorted by the receiving unit and then by the sending one, which suits sums over
    the inputs of a unit. A pair that occurs twice is two connections. As a matrix, the connections are their `mask`.

    ```python
    found = dp.connectors.Connections(pre=[2, 0, 1], post=[0, 1, 0], pre_size=3, post_size=2)
    assert found.pre.tolist() == [1, 2, 0] and found.post.tolist() == [0, 0, 1]     # sorted by the receiving unit
    assert found.mask.tolist() == [[False, True, True], [True, False, False]]
    ```

    **Arguments:**

    - `pre`: the index of the sending unit of each pair, in any order.
    - `post`: the index of the receiving unit of each pair.
    - `pre_size`: the number of sending units.
    - `post_size`: the number of receiving units.

    **Raises:** `ShapeError` for an index out of range, or lists of different length; `ParameterError` for what is no
    index.
    """

    pre: Int[Array, " connections"]
    post: Int[Array, " connections"]
    pre_size: int = eqx.field(static=True)
    post_size: int = eqx.field(static=True)

    def __init__(self, pre: Any, post: Any, pre_size: int, post_size: int):
        sender, receiver = as_indices("Connections: pre", pre), as_indices("Connections: post", post)
        if sender.size != receiver.size:
            raise ShapeError(f"Connections: pre has {sender.size} indices, but post has {receiver.size}: give pairs.")
        for name, index, size in (("pre", sender, pre_size), ("post", receiver, post_size)):
            if index.size and not (index.min() >= 0 and index.max() < size):
                raise ShapeError(
                    f"Connections: {name} has indices from {index.min()} to {index.max()}, for {size} units."
                )
        pairs = np.sort(receiver * pre_size + sender)
        receiver, sender = (index.astype(np.int32) for index in np.divmod(pairs, pre_size))
        self.pre, self.post = to_jax(sender), to_jax(receiver)
        self.pre_size, self.post_size = pre_size, post_size

    def __len__(self) -> int:
        return self.pre.shape[0]

    @property
    def mask(self) -> Bool[Array, "post pre"]:
        """The connected pairs as a matrix (post, pre), the layout of a dense weight."""
        return jnp.zeros((self.post_size, self.pre_size), bool).at[self.post, self.pre].set(True)


Connector = Callable[..., Connections]  # of the numbers of units, `pre` and `post`, and a `key`
