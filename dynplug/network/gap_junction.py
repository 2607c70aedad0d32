"""Gap junctions."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, PRNGKeyArray

from dynplug.core import Context, Drive, Parameter, Resizable, param, to_jax
from dynplug.delivery import Fanout, deliver
from dynplug.errors import ParameterError
from dynplug.network.acted_on import ByPopulation, acted_on
from dynplug.network.drawn import Pairs, as_array, child
from dynplug.network.drawn_edge import DrawnEdge
from dynplug.network.routes import Sizes


class GapJunction(eqx.Module):
    r"""Electrical synapses between the units of one or two populations: an edge of a `Network`.

    $$I_i = \sum_j g_{ij}\,(V_j - V_i), \qquad g_{ij} = g_{ji}$$

    A junction conducts both ways. Within one population each two units therefore have one, whichever way the connector
    connects them and if it does so twice; a unit has none with itself. Of `FixedProbability(p)` each two units have one
    with probability `p`; where a rule gives each unit `k` partners, there are up to `2 k`. $V_j$ is that of the step
    before, an error of first order in `dt`; $V_i$ follows the equation within the step, so that a strong junction is
    stable at any `dt`.

    ```python
    cells = dp.neurons.LIF(10, V_init=dp.initializers.Uniform(0.0, 0.9))
    net = dp.Network({"I": cells}, {"gap": dp.GapJunction("I", "I", dp.connectors.FixedProbability(0.3), g=0.1)},
                     key=jax.random.key(0))
    ```

    **Arguments:**

    - `source`, `target`: the names of the two populations, which may be one.
    - `connector`: the rule of connections, as for a `Projection`.
    - `g`: conductance of a junction [µS], or [mS/cm²]: a number; one per pair; a matrix (target, source), symmetric
        within one population; or an initializer. An array is trainable.

    **Raises:** `ParameterError`, also if the conductances of a pair differ; `CompositionError`, from the network, for a
    population without a potential.

    **Reference:** Lewis, T. J. & Rinzel, J. (2003), Dynamics of spiking neurons connected by both inhibitory and
    electrical coupling, doi:10.1023/A:1023265027714.
    """

    source: str = eqx.field(static=True)
    target: str = eqx.field(static=True)
    connector: Any
    g: Any = eqx.field(kw_only=True)

    def __check_init__(self) -> None:
        if not all(isinstance(name, str) for name in (self.source, self.target)):
            raise ParameterError(
                f"GapJunction joins two populations by their names; got {self.source!r} and {self.target!r}."
            )

    @property
    def is_delayed(self) -> bool:
        """Currents follow the potentials of the step before."""
        return True

    def draw(self, name: str, sizes: Sizes, late: bool, key: PRNGKeyArray | None) -> "Junctions":
        """The junctions of the pairs that are drawn. **Arguments:** as for `Projection.draw`."""
        pairs = Pairs(name, self.connector, self.source, (self.target,), sizes, child(key, "connector"))
        g = pairs.values("g", self.g, child(key, "g"))
        one = self.source == self.target
        kept = _once(pairs, None if callable(self.g) else g) if one else np.arange(len(pairs))
        pre, post = pairs.pre[kept], pairs.post[kept] + (0 if one else pairs.pre_size)
        units = pairs.pre_size if one else pairs.pre_size + pairs.post_size
        fanout, order = Fanout.of(np.concatenate([pre, post]), np.concatenate([post, pre]), units, units)
        if not isinstance(g, Tracer) and not np.all(np.asarray(g) >= 0):
            raise ParameterError(f"{name}: the conductance g of a junction is not negative; got {np.min(g):g}.")
        pair = None if np.ndim(g) == 0 else to_jax(order % len(kept))
        targets = (self.source,) if one else (self.source, self.target)
        acts_on = tuple(map(sizes.acts_on.__getitem__, targets))
        return Junctions(as_array(g, kept), fanout, pair, targets, acts_on)

    def __repr__(self) -> str:
        return f"GapJunction({self.source!r}, {self.target!r}, {self.connector})"


def _once(pairs: Pairs, g: Any) -> np.ndarray:
    """Positions of one pair of each two units of a population, whichever way they are connected.

    **Arguments:** `g`, the conductances that the user gave, of which those of two units have to agree.
    """
    low, high = np.minimum(pairs.pre, pairs.post).astype(np.int64), np.maximum(pairs.pre, pairs.post)
    there = low != high
    if len(pairs) and not np.any(there):
        raise ParameterError(f"{pairs.name}: the connector joins each unit with itself alone, which conducts nothing.")
    if pairs.independent:  # in one direction the pairs are a draw of each two units
        there &= pairs.pre < pairs.post
    (kept,) = np.nonzero(there)
    _, first, which = np.unique(low[kept] * pairs.pre_size + high[kept], return_index=True, return_inverse=True)
    if np.ndim(g):
        every, chosen = g[kept], g[kept][first][which]
        for n in np.flatnonzero(every != chosen)[:1]:
            raise ParameterError(
                f"{pairs.name}: the junction of units {low[kept[n]]} and {high[kept[n]]} has the conductances g "
                f"{chosen[n]:g} and {every[n]:g}. It conducts both ways alike: give a symmetric "
                "matrix, or each pair once."
            )
    return kept[first]


class Junctions(DrawnEdge):
    """Gap junctions whose pairs have been drawn, between all units of the populations that they join.

    **Arguments:**

    - `g`: per pair, or a number for all.
    - `fanout`: the pairs, in both directions, among the units of the populations one after the other.
    - `pair`: the pair that each connection is a direction of, where `g` differs between pairs.
    - `targets`: the names of the populations.
    - `acts_on`: the paths of their potentials.
    """

    g: Parameter = param(trainable=True)
    fanout: Fanout
    pair: Array | None
    targets: tuple[str, ...] = eqx.field(static=True)
    acts_on: tuple[str, ...] = eqx.field(static=True)
    synapse: Resizable | None = None

    def init_state(self, ctx: Context) -> None:
        return None

    def open(self, state: None, states: ByPopulation) -> None:
        """Nothing was under way before the first step."""
        return state

    def sees(self, state: None, states: ByPopulation, outs: ByPopulation) -> Array:
        """The potentials at the start of the step."""
        return acted_on(self.acts_on, states)

    def update(self, state: None, x: Array, ctx: Context) -> tuple[None, Drive]:
        g = jnp.asarray(self.g, x.dtype)
        g = g if self.pair is None else g[self.pair]
        current, conductance = (deliver(V, g, self.fanout, method="sparse") for V in (x, jnp.ones_like(x)))
        return None, Drive(current, conductance)

    def act(self, state: None, drive: Drive, states: ByPopulation, ctx: Context) -> tuple[None, Drive]:
        """Currents need no synapse."""
        return state, drive

    def close(self, state: None, outs: ByPopulation, ctx: Context) -> None:
        """Nothing is kept."""

    def arrows(self) -> list[tuple[str, str, str]]:
        """The line in a diagram: the two populations, and the style."""
        return [(self.targets[0], self.targets[-1], "|-|, widthA=0.3, widthB=0.3")]

    def described(self, shares: str | None) -> str:
        """The junctions in words."""
        populations = " = ".join(self.targets * (2 // len(self.targets)))
        return f"{populations}, {len(self.fanout) // 2:,} gap junctions"
