"""One step of a network."""

import math
from collections.abc import Iterator, Mapping

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import PyTree

from dynplug.core import Context, DynamicalSystem, add_inputs, check_fits, updated
from dynplug.network.drawn_edge import DrawnEdge
from dynplug.network.routes import declared_shape
from dynplug.network.sharing import Groups


class Step:
    """A step under way: the new states and the outputs so far, and the drives that wait for their populations.

    **Arguments:**

    - `systems`, `edges`: the populations and edges of the network.
    - `groups`: the edges that share synapses.
    - `state`: the state before the step.
    - `ctx`: the context.
    """

    def __init__(
        self,
        systems: Mapping[str, DynamicalSystem],
        edges: Mapping[str, DrawnEdge],
        groups: Groups,
        state: dict[str, PyTree],
        ctx: Context,
    ):
        self.systems, self.edges, self.state, self.ctx = systems, edges, state, ctx
        self.waiting = list(groups)
        self.new = dict(state)
        self.outs: dict[str, PyTree] = {}
        self.drives: dict[str, PyTree] = {}

    def population(self, name: str, x: PyTree) -> None:
        """Update a population, after all synapses that act on it."""
        for group in [group for group in self.waiting if name in self.edges[group[0]].targets]:
            self.waiting.remove(group)
            self._synapses(group)
        system = self.systems[name]
        check_fits(x, getattr(system, "in_size", None), self.ctx.child(name).path)
        total = add_inputs(self.drives.get(name), x)
        self.new[name], self.outs[name] = updated(system, self.state[name], total, self.ctx.child(name))

    def end(self) -> dict[str, PyTree]:
        """The new state, when all populations have been updated: new spikes set out, and plastic weights change."""
        for name, edge in self.edges.items():
            self.new[name] = edge.close(self.new[name], self.outs, self.ctx.child(name))
        return self.new

    def _synapses(self, group: tuple[str, ...]) -> None:
        """Turn the events that the projections of a group deliver into drives, through the synapses that they share."""
        total = None
        for name in group:
            edge, state = self.edges[name], self.state[name]
            self.new[name], arrived = edge.update(state, edge.sees(state, self.state, self.outs), self.ctx.child(name))
            total = add_inputs(total, arrived)
        name = group[0]
        edge = self.edges[name]
        self.new[name], drive = edge.act(self.new[name], total, self.state, self.ctx.child(name))
        for target, part in self._parts(drive, edge.targets):
            self.drives[target] = add_inputs(self.drives.get(target), part)

    def _parts(self, drive: PyTree, targets: tuple[str, ...]) -> Iterator[tuple[str, PyTree]]:
        """The drive of each target, out of that of the units of all of them in a row."""
        first = 0
        for target in targets:
            size = declared_shape(target, self.systems[target], "in_size", "takes")
            last = first + math.prod(size)

            def part(a: ArrayLike, units: slice = slice(first, last), size: tuple[int, ...] = size) -> ArrayLike:
                return a if jnp.ndim(a) == 0 else jnp.reshape(a, -1)[units].reshape(size)

            yield target, jax.tree.map(part, drive)
            first = last
