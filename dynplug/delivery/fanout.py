"""Connections sorted by the sending unit."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int
from scipy.sparse import coo_array

from dynplug.core import as_whole, to_jax
from dynplug.errors import ParameterError, ShapeError

_INT32 = np.iinfo(np.int32).max


class Fanin(eqx.Module):
    """The connections of each receiving unit, in rows that are padded to the longest.

    **Arguments:**

    - `pre`: the sending unit of each connection; the number of sending units where there is none.
    - `connection`: its position in the fanout; the number of connections where there is none.
    """

    pre: Int[Array, "post in_degree"]
    connection: Int[Array, "post in_degree"]


class Fanout(eqx.Module):
    """Connections between two populations, sorted by the sending unit: compressed sparse rows.

    A pair may be connected more than once, and units may be connected with themselves. An index is four bytes, or eight
    where there are 2^31 connections and more.

    **Arguments:**

    - `start`: the position of the first connection of each sending unit, and at last the number of connections.
    - `post`: the receiving unit of each connection.
    - `fanin`: the same connections by receiving unit, for `method="gather"`.
    - `pre_size`: the number of sending units.
    - `post_size`: the number of receiving units.

    **Reference:** Gustavson, F. G. (1978), Two fast algorithms for sparse matrices: multiplication and permuted
    transposition, doi:10.1145/355791.355796.
    """

    start: Int[Array, " starts"]
    post: Int[Array, " connections"]
    fanin: Fanin | None
    pre_size: int = eqx.field(static=True)
    post_size: int = eqx.field(static=True)

    @classmethod
    def of(
        cls, pre: Any, post: Any, pre_size: int, post_size: int, *, by_receiver: bool | None = None
    ) -> tuple["Fanout", np.ndarray]:
        """The fanout of pairs of units in any order, and the order that brings values of theirs into its own.

        ```python
        import numpy as np
        from dynplug.delivery import Fanout

        fanout, order = Fanout.of(pre=[1, 0, 1], post=[0, 2, 1], pre_size=2, post_size=3)
        weight = np.array([0.1, 0.2, 0.3])[order]
        assert weight.tolist() == [0.2, 0.1, 0.3]  # unit 0 sends through one connection, unit 1 through two
        ```

        **Arguments:**

        - `pre`, `post`: the sending and the receiving unit of each connection (connections,). Of one unit, connections
            keep their order.
        - `pre_size`, `post_size`: the number of sending and of receiving units.
        - `by_receiver`: whether `fanin` is made, too; `None` makes it where `method="auto"` uses it, on accelerators.

        **Raises:** `ShapeError` for an index out of range, or lists of different length; `ParameterError` for what are
        no indices, or more connections than indices can number.
        """
        for name, size in (("pre_size", pre_size), ("post_size", post_size)):
            as_whole(name, size, error=ParameterError)
        sender, receiver = _indices("pre", pre, pre_size), _indices("post", post, post_size)
        if sender.size != receiver.size:
            raise ShapeError(f"Fanout: pre has {sender.size} indices, but post has {receiver.size}: give pairs.")
        index = _index_type(sender.size)
        # One row per sender and one column per connection: SciPy's conversion is a counting sort, which is stable.
        column = np.arange(sender.size, dtype=np.int32 if sender.size <= _INT32 else np.int64)
        rows = coo_array((np.ones(sender.size, bool), (sender, column)), shape=(pre_size, max(1, sender.size))).tocsr()
        order = rows.indices
        start = rows.indptr.astype(index)
        del rows, column
        post_of = receiver.astype(np.int32)[order]
        if by_receiver is None:
            by_receiver = jax.default_backend() != "cpu"
        fanin = _fanin(start, post_of, pre_size, post_size) if by_receiver else None
        return cls(to_jax(start), to_jax(post_of), fanin, pre_size, post_size), order

    def __len__(self) -> int:
        return self.post.shape[0]

    @property
    def pre(self) -> Int[Array, " connections"]:
        """The sending unit of each connection."""
        # The number of units, but for the first, whose connections have begun.
        begun = jnp.zeros(len(self), self.post.dtype).at[self.start[1:-1]].add(1, mode="drop")
        return jnp.cumsum(begun, dtype=begun.dtype)


def _indices(name: str, given: Any, size: int) -> np.ndarray:
    found = np.asarray(given)
    if found.size == 0:
        return np.zeros(0, np.int32)
    if found.ndim != 1 or not np.issubdtype(found.dtype, np.integer):
        raise ParameterError(
            f"Fanout: {name} must be a list of the indices of units, but is {found.dtype}{list(found.shape)}."
        )
    if found.min() < 0 or found.max() >= size:
        raise ShapeError(f"Fanout: {name} has indices from {found.min()} to {found.max()}, for {size} units.")
    return found


def _index_type(connections: int) -> type[np.int32] | type[np.int64]:
    """The type that can number the connections."""
    if connections <= _INT32:
        return np.int32
    if not jax.config.jax_enable_x64:  # pyright: ignore[reportAttributeAccessIssue] - it is defined at run time
        raise ParameterError(
            f"Fanout: {connections} connections cannot be numbered by int32, whose limit is {_INT32}: set "
            'jax.config.update("jax_enable_x64", True), or split the connections over several fanouts.'
        )
    return np.int64


def _fanin(start: np.ndarray, post: np.ndarray, pre_size: int, post_size: int) -> Fanin:
    """The same connections by receiving unit; of one unit, by ascending sending unit."""
    count, degree = post.size, np.bincount(post, minlength=post_size)
    width = int(degree.max(initial=0))
    order = np.argsort(post, kind="stable").astype(start.dtype)
    receiver, sender = post[order], np.repeat(np.arange(pre_size, dtype=np.int32), np.diff(start))[order]
    place = np.arange(count) - np.repeat(np.cumsum(degree) - degree, degree)
    pre, connection = np.full((post_size, width), pre_size, np.int32), np.full((post_size, width), count, start.dtype)
    pre[receiver, place], connection[receiver, place] = sender, order
    return Fanin(to_jax(pre), to_jax(connection))
