"""Plasticity by triplets of spikes."""

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


class TripletTraces(eqx.Module):
    """Fast and slow traces of arrivals, `r1` and `r2`, and of the spikes of receiving units, `o1` and `o2` [-]."""

    r1: Float[Array, " pre"]
    r2: Float[Array, " pre"]
    o1: Float[Array, " post"]
    o2: Float[Array, " post"]


class TripletSTDP(Plasticity):
    r"""Spike-timing-dependent plasticity by pairs and triplets of spikes, which depends on the rate as experiments do.

    $$\text{arrival:} \quad w \leftarrow w - o_1 \left(A_2^- + A_3^- r_2\right), \qquad
      \text{spike:} \quad w \leftarrow w + r_1 \left(A_2^+ + A_3^+ o_2\right)$$

    $$\dot r_1 = -\frac{r_1}{\tau_+}, \quad \dot r_2 = -\frac{r_2}{\tau_x}, \quad \dot o_1 = -\frac{o_1}{\tau_-}, \quad
      \dot o_2 = -\frac{o_2}{\tau_y}$$

    Each arrival raises $r_1$ and $r_2$ by one, each spike of the receiving unit $o_1$ and $o_2$; $r_2$ and $o_2$ are
    read before the event that reads them raises them. A spike in the very step of an arrival comes after it. Weights
    stay within $w_{min} \le w \le w_{max}$.

    The parameters are those of visual cortex with all pairs and triplets: by default of the minimal model, from
    `TripletSTDP.full()` of the full one.

    ```python
    rule = dp.plasticity.TripletSTDP(w_max=2.0)
    net = dp.Network(
        {"E": dp.neurons.LIF(10)},
        {"rec": dp.Projection("E", "E", dp.connectors.AllToAll(), weight=1.0, delay=1.0,
                              synapse=dp.synapses.Exponential(), plasticity=rule)},
    )
    ```

    **Arguments:**

    - `tau_plus`: time constant of $r_1$ [ms].
    - `tau_minus`: time constant of $o_1$ [ms].
    - `tau_x`: time constant of $r_2$ [ms].
    - `tau_y`: time constant of $o_2$ [ms].
    - `A2_plus`: potentiation by pairs, in the unit of the weight [-].
    - `A3_plus`: potentiation by triplets of a spike, an arrival and a spike, in the unit of the weight [-].
    - `A2_minus`: depression by pairs, in the unit of the weight [-].
    - `A3_minus`: depression by triplets of an arrival, a spike and an arrival, in the unit of the weight [-].
    - `w_min`: the lowest weight [-].
    - `w_max`: the highest weight [-].
    - `nearest`: whether an event sets the traces to one, so that only the nearest events count.

    **Raises:** `ParameterError`; `PlasticityError` if a derivative is asked through the weights.

    **Reference:** Pfister, J.-P. & Gerstner, W. (2006), Triplets of spikes in a model of spike timing-dependent
    plasticity, doi:10.1523/JNEUROSCI.1425-06.2006.
    """

    tau_plus: Parameter = param(16.8, positive=True)
    tau_minus: Parameter = param(33.7, positive=True)
    tau_x: Parameter = param(101.0, positive=True)
    tau_y: Parameter = param(114.0, positive=True)
    _: KW_ONLY
    A2_plus: Parameter = param(0.0)
    A3_plus: Parameter = param(6.5e-3)
    A2_minus: Parameter = param(7.1e-3)
    A3_minus: Parameter = param(0.0)
    w_min: Parameter = param(0.0)
    w_max: Parameter = param(1.0)
    nearest: bool = eqx.field(default=False, static=True)

    @classmethod
    def full(cls, *, w_min: Parameter = 0.0, w_max: Parameter = 1.0) -> "TripletSTDP":
        """The full model, with the parameters of visual cortex.

        **Arguments:**

        - `w_min`: the lowest weight [-].
        - `w_max`: the highest weight [-].
        """
        return cls(
            *(16.8, 33.7, 101.0, 125.0),
            A2_plus=5e-10,
            A3_plus=6.2e-3,
            A2_minus=7e-3,
            A3_minus=2.3e-4,
            w_min=w_min,
            w_max=w_max,
        )

    def __check_init__(self) -> None:
        check_rule(self)

    def init_state(self, fanout: Fanout, ctx: Context) -> TripletTraces:
        pre, post = jnp.zeros(fanout.pre_size, ctx.dtype), jnp.zeros(fanout.post_size, ctx.dtype)
        return TripletTraces(pre, pre, post, post)

    def update(
        self,
        state: TripletTraces,
        weight: Float[Array, " connections"],
        sent: Float[Array, " pre"],
        spiked: Float[Array, " post"],
        fanout: Fanout,
        ctx: Context,
    ) -> tuple[TripletTraces, Float[Array, " connections"]]:
        arrives, spikes = sent != 0, spiked != 0
        r1, r2 = state.r1 * kept(self.tau_plus, ctx), state.r2 * kept(self.tau_x, ctx)
        o1, o2 = state.o1 * kept(self.tau_minus, ctx), state.o2 * kept(self.tau_y, ctx)
        r1 = marked(r1, arrives, self.nearest)
        on_arrival = Factors(-(self.A2_minus + self.A3_minus * r2), o1)
        on_spike = Factors(r1, self.A2_plus + self.A3_plus * o2)
        weight = changed(weight, fanout, arrives, on_arrival, spikes, on_spike, (self.w_min, self.w_max))
        after = (marked(trace, by, self.nearest) for trace, by in ((r2, arrives), (o1, spikes), (o2, spikes)))
        return TripletTraces(r1, *after), weight
