"""A rule alone, under given spikes."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from dynplug.core import Context
from dynplug.delivery import Fanout
from dynplug.plasticity.rule import Plasticity


def learned(
    rule: Plasticity,
    weight: Float[Array, " connections"],
    sent: Float[Array, "steps pre"],
    spiked: Float[Array, "steps post"],
    fanout: Fanout,
    *,
    dt: float,
    key: PRNGKeyArray | None = None,
) -> Float[Array, "steps connections"]:
    """The weights at the end of each step under given spikes, without neurons.

    ```python
    import dynplug as dp
    import jax.numpy as jnp
    from dynplug.delivery import Fanout
    from dynplug.plasticity import PairSTDP, learned

    one, _ = Fanout.of([0], [0], 1, 1, by_receiver=True)
    arrival, spike = jnp.zeros((2, 30, 1)).at[jnp.array([0, 1]), jnp.array([5, 15])].set(1.0)
    weights = learned(PairSTDP(tau_plus=20.0, A_plus=0.01), jnp.array([0.5]), arrival, spike, one, dt=1.0)
    assert jnp.allclose(weights[-1], 0.5 + 0.01 * jnp.exp(-10 / 20))
    ```

    **Arguments:**

    - `rule`: the rule.
    - `weight`: the weights before the first step, in the order of the fanout.
    - `sent`: the arrivals from each sending unit in each step.
    - `spiked`: the spikes of each receiving unit in each step.
    - `fanout`: the connections, from `Fanout.of(..., by_receiver=True)`.
    - `dt`: the step [ms].
    - `key`: a `jax.random.key` for a random rule.
    """

    def at(i: Array) -> Context:
        return Context(
            dt=dt,
            t=jnp.asarray(i, weight.dtype) * dt,
            i=i,
            key=None if key is None else jax.random.fold_in(key, i),
            dtype=weight.dtype,
            path="plasticity",
        )

    def step(carried: tuple[object, Array], now: tuple[Array, Array, Array]) -> tuple[tuple[object, Array], Array]:
        state, weight = carried
        i, arrives, spikes = now
        after = rule.update(state, weight, arrives, spikes, fanout, at(i))
        return after, after[1]

    start = rule.init_state(fanout, at(jnp.int32(0)))
    return jax.lax.scan(step, (start, weight), (jnp.arange(len(sent)), sent, spiked))[1]
