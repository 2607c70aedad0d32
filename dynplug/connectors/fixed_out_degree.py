"""Connections with a fixed out-degree."""

import equinox as eqx
from jaxtyping import PRNGKeyArray

from dynplug.connectors.connections import Connections
from dynplug.connectors.drawing import generator, partners


class FixedOutDegree(eqx.Module):
    """Every sending unit reaches `n` distinct units, drawn at random.

    **Arguments:**

    - `n`: the number of connections that a unit sends.
    - `self_connections`: whether a unit may reach itself; `False` is for a population connected with itself.
    """

    n: int
    self_connections: bool = True

    def __call__(self, pre: int, post: int, *, key: PRNGKeyArray | None = None) -> Connections:
        sender, receiver = partners(self, generator(self, key), pre, post, self.self_connections)
        return Connections(sender, receiver, pre, post)
