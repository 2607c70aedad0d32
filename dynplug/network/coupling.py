"""Coupling of rates, phases and potentials."""

from typing import Any

import equinox as eqx
from jaxtyping import PRNGKeyArray

from dynplug.delivery import for_rates, reads_receivers
from dynplug.network.coupled import Coupled
from dynplug.network.delay_chain import DelayChain
from dynplug.network.drawn import Pairs, as_array, child
from dynplug.network.edge_arguments import as_names, check_ends, known_values
from dynplug.network.forms import as_form
from dynplug.network.routes import Sizes


class Coupling(eqx.Module):
    r"""Coupling of units by their variables, such as rates or phases, without spikes: an edge of a `Network`.

    $$I_i(t) = \sum_{k:\, j \to i} w_k\, f\big(x_j(t - d_k),\, x_i(t)\big)$$

    | `form` | $f(x_j, x_i)$ | |
    |---|---|---|
    | `"additive"` | $x_j$ | rates, the product of a matrix and a vector |
    | `"diffusive"` | $x_j - x_i$ | what evens out |
    | `"sine"` | $\sin(x_j - x_i)$ | phases (Kuramoto) |

    $x$ is the variable of a population on which its drive acts: the rate `r` of `dp.neurons.ThresholdLinear`, `r_E` of
    `WilsonCowan`, `theta` of `Kuramoto`, and `V` of the others. It is read at the start of a step and held over it, an
    error of first order in `dt`, so that a cycle needs no delay; but the $x_i$ of a diffusive coupling follows the
    equation within the step, which is stable at any `dt`. Before the run, $x_j$ was what it is at its beginning.

    ```python
    phase = dp.neurons.Kuramoto(2, omega=np.array([0.24, 0.26]))
    net = dp.Network({"phase": phase}, {"K": dp.Coupling("phase", "phase", "AllToAll", weight=0.02, form="sine")},
                     output_from="phase")
    _, theta = dp.LoopOverTime(net, dt=0.1)(500.0)      # locked, with a phase difference of arcsin(0.02 / 0.04)
    ```

    **Arguments:**

    - `source`: the name of the population that is read.
    - `target`: the name of the population that receives, or a list of names, as for a `Projection`.
    - `connector`: the rule of connections, as for a `Projection`.
    - `weight`: $w$, in the unit of the target's input over that of $f$, in any form that a `Projection` takes: a number
        for all, one per connection, a matrix (post, pre), or an initializer. What is not a number is trainable.
    - `form`: $f$, as in the table.
    - `delay`: $d$ [ms], a multiple of the step to 1 %; one number, or one per connection in any form that a weight has,
        where those that are drawn are rounded as for a `Projection`; `None`: none.
    - `delivery`: the delivery method: `"auto"`, or a method of `dp.delivery.deliver`. The sums are equal.

    **Raises:** `ParameterError`; `CompositionError`, in a run, for a population without such a variable.

    **Reference:** Hoppensteadt, F. C. & Izhikevich, E. M. (1997), Weakly Connected Neural Networks,
    doi:10.1007/978-1-4612-1828-9.
    """

    source: str = eqx.field(static=True)
    target: tuple[str, ...] = eqx.field(static=True, converter=as_names)
    connector: Any
    weight: Any = eqx.field(kw_only=True)
    form: str = eqx.field(kw_only=True, static=True, converter=as_form)
    delay: Any = eqx.field(kw_only=True, default=None)
    delivery: str = eqx.field(kw_only=True, static=True, default="auto")

    def __check_init__(self) -> None:
        check_ends("Coupling", self.source, self.delay)

    @property
    def is_delayed(self) -> bool:
        """True, as a coupling reads the values at the start of the step."""
        return True

    def draw(self, name: str, sizes: Sizes, late: bool, key: PRNGKeyArray | None) -> Coupled:
        """The coupling with its connections. **Arguments:** as for `Projection.draw`."""
        pairs = Pairs(name, self.connector, self.source, self.target, sizes, child(key, "connector"))
        delays, copy = pairs.delays(self.delay, child(key, "delay"))
        fanout, order = pairs.fanout(copy, len(delays), True if reads_receivers(self.delivery) else None)
        weight = as_array(pairs.values("weight", self.weight, child(key, "weight")), order)
        known_values(name, weight)
        return Coupled(
            weight,
            fanout,
            self.form,
            DelayChain(pairs.pre_size, delays, rounded=callable(self.delay)),
            self.source,
            self.target,
            sizes.acts_on[self.source],
            tuple(map(sizes.acts_on.__getitem__, self.target)),
            self.delivery if self.delivery != "auto" else for_rates(fanout),
        )

    def __repr__(self) -> str:
        return f"Coupling({self.source!r} -> {', '.join(map(repr, self.target))}, {self.connector}, {self.form})"
