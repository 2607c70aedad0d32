"""A method of delivery: the received sums, and their derivative with respect to the sent values."""

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from dynplug.delivery import Fanout, deliver
from dynplug.plot.portraits.sitter import Sitter, panels
from dynplug.plot.portraits.ticks import at_whole_numbers

_UNITS, _CONNECTIONS, _ACTIVE = 40, 400, 4


def delivery(sitter: Sitter, figure: Figure) -> None:
    """Above, what 40 units receive through 400 random connections when four of them spike, and the product with the
    matrix of weights. Below, the derivative of the sum of what arrives by what each unit sends, of those that spike
    as of those that do not.
    """
    above, below = panels(figure, 2)
    numbers = np.random.default_rng(0)
    pre, post = numbers.integers(0, _UNITS, (2, _CONNECTIONS))
    weight = numbers.normal(size=_CONNECTIONS).astype(np.float32)
    spikes = np.zeros(_UNITS, np.float32)
    spikes[numbers.choice(_UNITS, _ACTIVE, replace=False)] = 1.0
    matrix = np.zeros((_UNITS, _UNITS))
    np.add.at(matrix, (post, pre), weight)
    fanout, order = Fanout.of(pre, post, _UNITS, _UNITS, by_receiver=True)

    def received(x: jax.Array) -> jax.Array:
        return deliver(x, jnp.asarray(weight[order]), fanout, method=sitter.made)

    above.plot(received(jnp.asarray(spikes)), "o", markersize=4, label="delivered")
    above.plot(matrix @ spikes, "x", color="0.2", markersize=4, label="matrix product")
    above.set(xlabel="receiving unit [index]", ylabel="sum [-]")
    above.legend(frameon=False)
    below.vlines(np.flatnonzero(spikes), 0.0, 1.0, color="0.8", transform=below.get_xaxis_transform(), label="spikes")
    below.plot(jax.grad(lambda x: received(x).sum())(jnp.asarray(spikes)), "o", markersize=4)
    below.set(xlabel="sending unit [index]", ylabel="derivative [-]")
    below.legend(frameon=False)
    for axis in (above.xaxis, below.xaxis):
        at_whole_numbers(axis)
