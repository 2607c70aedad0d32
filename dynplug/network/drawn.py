"""Drawing the connections of a projection, with their weights and delays."""

import zlib
from collections.abc import Callable
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from dynplug.connectors import Connections, as_connector
from dynplug.core import Parameter, is_real, to_jax
from dynplug.delivery import Fanout
from dynplug.errors import ParameterError, ShapeError
from dynplug.initializers import per_connection
from dynplug.network.memory import check_memory
from dynplug.network.routes import Sizes

_DECIMALS = 1  # of delays that are drawn [ms]
Values = float | Array | np.ndarray  # a number for all connections, or one for each


class Pairs:
    """Pairs of units of a source and of its targets one after the other, sorted by target, receiver and sender.

    **Arguments:**

    - `name`: the name of the projection, for messages.
    - `connector`: as users give it; one that is `listed` knows the units of all targets, others are asked for each.
    - `source`, `targets`: names.
    - `sizes`: of all populations.
    - `key`: of the projection.

    **Attributes:** `pre`, `post`, the units of each pair; `pre_size`, `post_size`; `independent`, whether the connector
    draws each pair by itself.
    """

    def __init__(
        self, name: str, connector: Any, source: str, targets: tuple[str, ...], sizes: Sizes, key: PRNGKeyArray | None
    ):
        rule = as_connector(connector)
        counts = [int(np.prod(sizes.takes[target])) for target in targets]
        self.name = name
        self.pre_size, self.post_size = int(np.prod(sizes.sends[source])), sum(counts)
        check_memory(name, rule, [(self.pre_size, count) for count in counts])
        self._order = getattr(rule, "order", None)  # of pairs that a user listed
        self.independent = bool(getattr(rule, "independent", False))
        parts = [("", self.post_size)] if getattr(rule, "listed", False) else zip(targets, counts, strict=True)
        pre, post, first = [], [], 0
        for target, count in parts:
            made = _between(rule, source, target)(self.pre_size, count, key=child(key, target))
            if not isinstance(made, Connections) or (made.pre_size, made.post_size) != (self.pre_size, count):
                raise ShapeError(
                    f"{name}: {rule} returned {made!r}; a connector returns the Connections of {self.pre_size} with "
                    f"{count} units."
                )
            pre.append(np.asarray(made.pre))
            post.append(np.asarray(made.post) + first)
            first += count
        self.pre, self.post = np.concatenate(pre), np.concatenate(post)

    def __len__(self) -> int:
        return len(self.pre)

    def values(self, what: str, given: Any, key: PRNGKeyArray | None) -> Values:
        """One value per pair, in their order, or one number for all.

        **Arguments:**

        - `what`: the name of the values, for messages.
        - `given`: a number; an array, with one value per pair, or a matrix (post, pre); or an initializer.
        """
        name, shape = f"{self.name}: {what}", (self.post_size, self.pre_size)
        if callable(given):
            return per_connection(given, len(self), self.post_size, key=key, name=name)
        if not is_real(given):
            what = f"the text {given!r}" if isinstance(given, str) else f"{given!r:.80}"
            raise ParameterError(f"{name} must be a number, an array or an initializer; got {what}.")
        if np.ndim(given) == 0 and not hasattr(given, "tocsr"):
            return given if isinstance(given, jax.Array) else float(given)
        if np.shape(given) == shape:
            matrix = given.tocsr() if hasattr(given, "tocsr") else np.asarray(given)
            return np.asarray(matrix[self.post, self.pre]).ravel()
        if np.shape(given) != (len(self),):
            raise ShapeError(
                f"{name} has shape {np.shape(given)}; give a number, one value for each of the {len(self)} "
                f"connections, or a matrix (post, pre), {shape}."
            )
        values = np.asarray(given)
        return values if self._order is None else values[self._order]

    def delays(self, given: Any, key: PRNGKeyArray | None) -> tuple[tuple[float, ...], np.ndarray]:
        """The different delays [ms], ascending, and of each pair, or of all, the number of its delay among them.

        Those that are drawn are rounded, as each different one costs a copy of the source.

        **Arguments:**

        - `given`: as of `values`, or `None` for no delay.
        """
        values = np.asarray(self.values("delay", 0.0 if given is None else given, key), float)
        if callable(given):
            values = np.maximum(np.round(values, _DECIMALS), 10.0**-_DECIMALS)
        delays, which = np.unique(values, return_inverse=True)
        return tuple(delays.tolist()) or (0.0,), which.reshape(values.shape)

    def fanout(
        self, copy: np.ndarray | int = 0, copies: int = 1, by_receiver: bool | None = None
    ) -> tuple[Fanout, np.ndarray]:
        """The connections by sender, and their positions among the pairs.

        **Arguments:**

        - `copy`: the copy of the source from which each pair comes.
        - `copies`: the number of copies.
        - `by_receiver`: as for `Fanout.of`.
        """
        senders = self.pre.astype(np.int64) + np.asarray(copy, np.int64) * self.pre_size
        return Fanout.of(senders, self.post, copies * self.pre_size, self.post_size, by_receiver=by_receiver)


def _between(rule: Callable[..., Connections], source: str, target: str) -> Callable[..., Connections]:
    """A connector for two populations: that a unit shall not reach itself is said of one population only."""
    if source != target and getattr(rule, "self_connections", True) is False:
        kind = cast(Callable[..., Callable[..., Connections]], type(rule))
        return kind(**{**vars(rule), "self_connections": True})
    return rule


def child(key: PRNGKeyArray | None, name: str) -> PRNGKeyArray | None:
    """The key of a part, by its name: no other part changes it."""
    return None if key is None else jax.random.fold_in(key, zlib.crc32(name.encode()))


def as_array(values: Values, order: Array | np.ndarray | slice) -> Parameter:
    """Values in another order, as an array of the default floating dtype; a number for all as it is."""
    if np.ndim(values) == 0:
        return values if isinstance(values, jax.Array) else float(values)
    array = to_jax(np.asarray(values)[order])
    return array if jnp.issubdtype(array.dtype, jnp.inexact) else array.astype(float)
