"""The contract of rules that change weights."""

from abc import abstractmethod

import equinox as eqx
from jaxtyping import Array, Float, PyTree

from dynplug.core import Context, Parameter
from dynplug.delivery import Fanout


class Plasticity(eqx.Module):
    """A rule by which the spikes that arrive at connections, and those of the receiving units, change their weights.

    A `Projection` calls it at the end of each step, when all of its targets have been updated. Implementing one:

    1. `init_state(fanout, ctx)` returns the traces of spikes: per sending unit, (fanout.pre_size,), and per receiving
       unit, (fanout.post_size,), with dtype `ctx.dtype`.
    2. `update(state, weight, sent, spiked, fanout, ctx)` returns the next traces and the new weights. What arrives acts
       first, then the spikes of the receiving units do, which see what has arrived.
    3. `w_min` and `w_max` are the bounds within which it keeps the weights.

    `dynplug.plasticity.changed` applies changes that are products of a factor per sending and one per receiving unit.
    Where connections of a unit have different delays, the fanout has a sending unit for each of them.
    """

    w_min: eqx.AbstractVar[Parameter]
    w_max: eqx.AbstractVar[Parameter]

    @abstractmethod
    def init_state(self, fanout: Fanout, ctx: Context) -> PyTree:
        """The traces before the first step."""

    @abstractmethod
    def update(
        self,
        state: PyTree,
        weight: Float[Array, " connections"],
        sent: Float[Array, " pre"],
        spiked: Float[Array, " post"],
        fanout: Fanout,
        ctx: Context,
    ) -> tuple[PyTree, Float[Array, " connections"]]:
        """One step: the traces and the weights after the arrivals `sent` and the spikes `spiked`.

        **Arguments:**

        - `state`: the traces.
        - `weight`: the weights, in the order of the fanout.
        - `sent`: the arrival in this step from each sending unit, 0 if there is none.
        - `spiked`: the outputs of the receiving units in this step.
        - `fanout`: the connections, with `fanin`.
        - `ctx`: the context.
        """
