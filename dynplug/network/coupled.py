"""A coupling in a network: its connections, and the delayed values in them."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from dynplug.core import Context, Drive, Parameter, Resizable, param
from dynplug.delivery import Fanout, deliver
from dynplug.network.acted_on import ByPopulation, acted_on
from dynplug.network.delay_chain import DelayChain
from dynplug.network.drawn_edge import DrawnEdge
from dynplug.network.forms import FORMS
from dynplug.network.summary import delay_range, memory


class CoupledState(eqx.Module):
    """The delay lines: the source's variables in the steps before."""

    delays: tuple[PyTree, ...] = ()


class Coupled(DrawnEdge):
    """A coupling whose connections have been drawn. From variables of its populations it makes the targets' drive.

    **Arguments:**

    - `weight`: one per connection, or a number for all.
    - `fanout`: the connections; where there are several delays, from a copy of the source for each of them.
    - `form`, `delivery`: as of the coupling.
    - `chain`: the delays.
    - `source`, `targets`: the names of the populations.
    - `reads`: the path of the source's variable.
    - `acts_on`: the paths of those of the targets.
    """

    weight: Parameter = param(trainable=True)
    fanout: Fanout
    form: str = eqx.field(static=True)
    chain: DelayChain
    source: str = eqx.field(static=True)
    targets: tuple[str, ...] = eqx.field(static=True)
    reads: str = eqx.field(static=True)
    acts_on: tuple[str, ...] = eqx.field(static=True)
    delivery: str = eqx.field(static=True)
    synapse: Resizable | None = None

    def init_state(self, ctx: Context) -> CoupledState:
        return CoupledState(self.chain.init_state(ctx))

    def open(self, state: CoupledState, states: ByPopulation) -> CoupledState:
        """The state before the first step, as if the source's variable had always had its initial value."""
        x = acted_on([self.reads], states)
        return jax.tree.map(lambda held: jnp.broadcast_to(x, held.shape), state)

    def sees(self, state: CoupledState, states: ByPopulation, outs: ByPopulation) -> tuple[Array, Array]:
        """The variables of the source and of the targets at the start of the step."""
        return acted_on([self.reads], states), acted_on(self.acts_on, states)

    def update(self, state: CoupledState, x: tuple[Array, Array], ctx: Context) -> tuple[CoupledState, Drive]:
        sent, own = x
        delays, sent = self.chain.update(state.delays, sent, ctx)
        weight = jnp.asarray(self.weight, sent.dtype)
        drive = FORMS[self.form](lambda x: deliver(x, weight, self.fanout, method=self.delivery), sent, own)
        return CoupledState(delays), drive

    def act(self, state: CoupledState, drive: Drive, states: ByPopulation, ctx: Context) -> tuple[CoupledState, Drive]:
        """A drive needs no synapse."""
        return state, drive

    def close(self, state: CoupledState, outs: ByPopulation, ctx: Context) -> CoupledState:
        """The next step reads what it needs from the states."""
        return state

    def arrows(self) -> list[tuple[str, str, str]]:
        """The arrows in a diagram: source, target, and the style of the line."""
        return [(self.source, target, "-|>") for target in self.targets]

    def described(self, shares: str | None) -> str:
        """The coupling in words."""
        parts = [
            f"{self.source} -> {', '.join(self.targets)}",
            f"{self.form} coupling",
            f"{len(self.fanout):,} connections",
            *filter(None, [delay_range(self.chain.delays)]),
            memory(self.fanout, self.weight),
            self.delivery,
        ]
        return ", ".join(parts)
