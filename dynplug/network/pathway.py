"""A projection in a network: its connections, and the delayed spikes in them."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from dynplug.core import Context, DynamicalSystem, Parameter, Resizable, children, param, updated
from dynplug.delivery import Delivery, Fanout, choose, deliver
from dynplug.network.acted_on import ByPopulation, acted_on
from dynplug.network.delay_chain import DelayChain
from dynplug.network.drawn_edge import DrawnEdge
from dynplug.network.summary import delay_range, memory
from dynplug.plasticity import Plasticity, without_derivative


class Magnitude(eqx.Module):
    """Weights of one sign (Dale's law), as magnitudes, which trainers keep above zero.

    **Arguments:**

    - `magnitude`: one per connection, or a number for all.
    - `sign`: 1 or -1.
    """

    magnitude: Parameter = param(trainable=True, positive=True)
    sign: float = eqx.field(static=True, kw_only=True)


class PathwayState(eqx.Module):
    """The synapse's state, whose variables are reached by their own names, and what is under way."""

    synapse: PyTree = None
    last: Array | None = None
    """the source's output in the last step, where the projection is part of a cycle"""
    delays: tuple[PyTree, ...] = ()
    short_term: PyTree = None
    plasticity: PyTree = None
    weight: Array | None = None
    """the weights, or their magnitudes, where they are plastic"""
    arrived: Array | None = None
    """the arrivals in the step from each sending unit, where weights are plastic"""

    def named_children(self) -> list[tuple[str, PyTree]]:
        """The synapse's variables, then the rest."""
        own = [
            (name, getattr(self, name)) for name in ("last", "delays", "short_term", "plasticity", "weight", "arrived")
        ]
        return [*children(self.synapse), *((name, part) for name, part in own if jax.tree.leaves(part))]


class Pathway(DrawnEdge):
    """A projection whose connections have been drawn. From the source's output it makes the events of its synapses.

    **Arguments:**

    - `source`: the name of the source.
    - `targets`: the names of the targets.
    - `weight`: one per connection, or a number for all, or a `Magnitude`.
    - `fanout`: the connections; where there are several delays, from a copy of the source for each of them.
    - `delays`: the different delays [ms], ascending.
    - `synapse`: the synapses of all targets; `None` where another projection has them.
    - `short_term`, `plasticity`, `delivery`: as of the projection.
    - `acts_on`: the paths of the variables of the targets on which it acts.
    - `late`: whether it reads the output of the step before, as it does in a cycle.
    - `rounded`: whether delays are rounded to whole steps, as those that were drawn.
    """

    weight: Parameter | Magnitude
    fanout: Fanout
    synapse: Resizable | None
    short_term: DynamicalSystem | None
    plasticity: Plasticity | None
    source: str = eqx.field(static=True)
    targets: tuple[str, ...] = eqx.field(static=True)
    delays: tuple[float, ...] = eqx.field(static=True)
    acts_on: tuple[str, ...] = eqx.field(static=True)
    delivery: str | Delivery = eqx.field(static=True)
    late: bool = eqx.field(static=True)
    rounded: bool = eqx.field(static=True)

    @property
    def in_size(self) -> tuple[int]:
        return (self.fanout.pre_size // len(self.delays),)

    @property
    def out_size(self) -> tuple[int]:
        return (self.fanout.post_size,)

    @property
    def way(self) -> tuple[str | Delivery, str]:
        """The method that delivers spikes, and the reason for it."""
        if self.delivery != "auto":
            return self.delivery, "chosen for this projection"
        return choose(self.fanout, fixed=self.plasticity is None)

    @property
    def weights(self) -> Float[Array, "*connections"]:
        """The weights with their sign: one per connection, sorted by delay, sender and receiver, or one for all."""
        return self._signed(jnp.asarray(self._given))

    @property
    def _given(self) -> Parameter:
        """The weights, or their magnitudes."""
        return self.weight.magnitude if isinstance(self.weight, Magnitude) else self.weight

    def _signed(self, weight: Float[Array, "*connections"]) -> Float[Array, "*connections"]:
        return self.weight.sign * weight if isinstance(self.weight, Magnitude) else weight

    @property
    def _chain(self) -> DelayChain:
        """The delays, of which a step has passed where the output of the step before is read."""
        return DelayChain(self.in_size[0], self.delays, int(self.late), self.rounded)

    def init_state(self, ctx: Context) -> PathwayState:
        traces = weight = arrived = None
        if self.plasticity is not None:
            traces = self.plasticity.init_state(self.fanout, ctx.child("plasticity"))
            weight = jnp.broadcast_to(jnp.asarray(self._given, ctx.dtype), (len(self.fanout),))
            arrived = jnp.zeros(self.fanout.pre_size, ctx.dtype)
        return PathwayState(
            synapse=self.synapse and self.synapse.init_state(ctx.child("synapse")),
            last=jnp.zeros(self.in_size, ctx.dtype) if self.late else None,
            delays=self._chain.init_state(ctx),
            short_term=self.short_term and self.short_term.init_state(ctx.child("short_term")),
            plasticity=traces,
            weight=weight,
            arrived=arrived,
        )

    def open(self, state: PathwayState, states: ByPopulation) -> PathwayState:
        """Nothing was under way before the first step."""
        return state

    def sees(self, state: PathwayState, states: ByPopulation, outs: ByPopulation) -> PyTree:
        """The source's output that the projection reads: that of the step before if the projection is `late`."""
        return state.last if self.late else outs[self.source]

    def update(self, state: PathwayState, x: Array, ctx: Context) -> tuple[PathwayState, Array]:
        """The events that arrive in a step, for the source's output, flat."""
        short_term, x = state.short_term, jnp.ravel(x).astype(ctx.dtype)
        if self.short_term is not None:
            short_term, x = updated(self.short_term, short_term, x, ctx.child("short_term"))
        delays, sent = self._chain.update(state.delays, x, ctx)
        weight = self.weights.astype(ctx.dtype) if state.weight is None else self._signed(state.weight)
        events = deliver(sent, weight, self.fanout, method=self.way[0])
        arrived = None if self.plasticity is None else sent  # for the end of the step
        return dataclasses.replace(state, delays=delays, short_term=short_term, arrived=arrived), events

    def act(
        self, state: PathwayState, events: Array, states: ByPopulation, ctx: Context
    ) -> tuple[PathwayState, PyTree]:
        """A step of the synapses: from all events that arrive to the drive of the targets."""
        synapse = self.synapse
        assert synapse is not None, "of edges that share synapses, the one that has them acts"
        if (at := getattr(getattr(synapse, "output", None), "at", None)) is not None:
            V = acted_on(self.acts_on, states).reshape(synapse.size)
            synapse = eqx.tree_at(lambda s: s.output, synapse, at(V))
        synapse, drive = updated(synapse, state.synapse, events.reshape(synapse.size), ctx.child("synapse"))
        return dataclasses.replace(state, synapse=synapse), drive

    def close(self, state: PathwayState, outs: ByPopulation, ctx: Context) -> PathwayState:
        """The end of a step, when all populations have been updated: weights change, and the output is kept."""
        if self.plasticity is not None:
            state = self._learn(self.plasticity, state, outs, ctx)
        if not self.late:
            return state
        return dataclasses.replace(state, last=jnp.ravel(outs[self.source]).astype(ctx.dtype))

    def arrows(self) -> list[tuple[str, str, str]]:
        """The arrows in a diagram: source, target, and the style."""
        return [(self.source, target, "-|>") for target in self.targets]

    def _learn(self, rule: Plasticity, state: PathwayState, outs: ByPopulation, ctx: Context) -> PathwayState:
        spiked = jnp.concatenate([jnp.ravel(outs[target]).astype(ctx.dtype) for target in self.targets])
        values = (rule, state.plasticity, state.weight, state.arrived, spiked)
        rule, traces, weight, sent, spiked = without_derivative(ctx.path, values)
        traces, weight = rule.update(traces, weight, sent, spiked, self.fanout, ctx.child("plasticity"))
        return dataclasses.replace(state, plasticity=traces, weight=weight)

    def described(self, shares: str | None) -> str:
        """The projection in words; `shares` is the projection that has its synapses."""
        method, reason = self.way
        parts = [
            f"{self.source} -> {', '.join(self.targets)}",
            f"{len(self.fanout):,} connections",
            delay_range(self.delays) or "within the step",
            f"the synapses of {shares}" if shares else type(self.synapse).__name__,
            *(type(rule).__name__ for rule in (self.short_term, self.plasticity) if rule is not None),
            memory(self.fanout, self.weight),
            f"{method if isinstance(method, str) else type(method).__name__} ({reason})",
        ]
        return ", ".join(parts)
