"""Connections with a fixed in-degree."""

import equinox as eqx
from jaxtyping import PRNGKeyArray

from dynplug.connectors.connections import Connections
from dynplug.connectors.drawing import generator, partners


class FixedInDegree(eqx.Module):
    """Every receiving unit is reached by `n` distinct units, drawn at random.

    **Arguments:**

    - `n`: the number of connections that a unit receives.
    - `self_connections`: whether a unit may reach itself; `False` is for a population connected with itself.
    """

    n: int
    self_connections: bool = True

    def __call__(self, pre: int, post: int, *, key: PRNGKeyArray | None = None) -> Connections:
        receiver, sender = partners(self, generator(self, key), post, pre, self.self_connections)
        return Connections(sender, receiver, pre, post)
