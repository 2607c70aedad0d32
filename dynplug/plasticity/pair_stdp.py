"""Plasticity by pairs of spikes."""

from dataclasses import KW_ONLY

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from dynplug.core import Context, Parameter, param
from dynplug.delivery import Fanout
from dynplug.plasticity.changes import Factors, changed
from dynplug.plasticity.rule import Plasticity
from dynplug.plasticity.traces import kept, marked
from dynplug.plasticity.weight_bounds import check_rule


class PairTraces(eqx.Module):
    """Traces of the arrivals from each sending unit, `pre`, and of each receiving unit's spikes, `post` [-]."""

    pre: Float[Array, " pre"]
    post: Float[Array, " post"]


class PairSTDP(Plasticity):
    r"""Spike-timing-dependent plasticity: each pair of an arrival and a spike of the receiving unit changes the weight.

    $$\Delta w = \begin{cases} A_+\, e^{-\Delta t / \tau_+} & \Delta t \ge 0 \\
      -A_-\, e^{\Delta t / \tau_-} & \Delta t < 0 \end{cases}, \qquad w_{min} \le w \le w_{max}$$

    $\Delta t$ is the time from the arrival, after the connection's delay, to the spike. A spike in the very step of an
    arrival counts as one that it has caused; any output but 0 is a spike. Each change is cut at the bounds at once.
    Traces of spikes stand for the sum over all pairs, so that the cost does not grow with their number.

    ```python
    rule = dp.plasticity.PairSTDP(20.0, 20.0, A_plus=0.01, A_minus=0.0105)
    net = dp.Network(
        {"E": dp.neurons.LIF(10)},
        {"rec": dp.Projection("E", "E", dp.connectors.AllToAll(), weight=dp.initializers.Uniform(0.0, 1.0), delay=1.0,
                              synapse=dp.synapses.Exponential(), plasticity=rule)},
        key=jax.random.key(0),
    )
    runner = dp.DSRunner(net, dt=1.0, monitors=["rec.weight"])
    runner.run(50.0, inputs={"E": 2.0})
    ```

    **Arguments:**

    - `tau_plus`: time constant of potentiation [ms].
    - `tau_minus`: time constant of depression [ms].
    - `A_plus`: the change by a spike at once after an arrival, in the unit of the weight [-].
    - `A_minus`: the change, downward, by a spike just before an arrival, in the unit of the weight [-].
    - `w_min`: the lowest weight [-].
    - `w_max`: the highest weight [-].
    - `nearest`: whether only the nearest earlier spike or arrival makes a pair, in place of all earlier ones.

    **Raises:** `ParameterError`; `PlasticityError` if a derivative is asked through the weights.

    **Reference:** Song, S., Miller, K. D. & Abbott, L. F. (2000), Competitive Hebbian learning through
    spike-timing-dependent synaptic plasticity, doi:10.1038/78829.
    """

    tau_plus: Parameter = param(20.0, positive=True)
    tau_minus: Parameter = param(20.0, positive=True)
    _: KW_ONLY
    A_plus: Parameter = param(0.01)
    A_minus: Parameter = param(0.0105)
    w_min: Parameter = param(0.0)
    w_max: Parameter = param(1.0)
    nearest: bool = eqx.field(default=False, static=True)

    def __check_init__(self) -> None:
        check_rule(self)

    def init_state(self, fanout: Fanout, ctx: Context) -> PairTraces:
        return PairTraces(jnp.zeros(fanout.pre_size, ctx.dtype), jnp.zeros(fanout.post_size, ctx.dtype))

    def update(
        self,
        state: PairTraces,
        weight: Float[Array, " connections"],
        sent: Float[Array, " pre"],
        spiked: Float[Array, " post"],
        fanout: Fanout,
        ctx: Context,
    ) -> tuple[PairTraces, Float[Array, " connections"]]:
        arrives, spikes = sent != 0, spiked != 0
        post = state.post * kept(self.tau_minus, ctx)
        pre = marked(state.pre * kept(self.tau_plus, ctx), arrives, self.nearest)
        on_arrival = Factors(jnp.full_like(pre, -self.A_minus), post)
        on_spike = Factors(pre, jnp.full_like(post, self.A_plus))
        weight = changed(weight, fanout, arrives, on_arrival, spikes, on_spike, (self.w_min, self.w_max))
        return PairTraces(pre, marked(post, spikes, self.nearest)), weight
