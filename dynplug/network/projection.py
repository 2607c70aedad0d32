"""The description of a projection, before a network draws its connections."""

from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import PRNGKeyArray

from dynplug.core import Parameter, Resizable
from dynplug.delivery import Delivery, for_rates, reads_receivers
from dynplug.errors import CompositionError, ParameterError
from dynplug.network.drawn import Pairs, as_array, child
from dynplug.network.edge_arguments import as_names, check_ends, known_values
from dynplug.network.pathway import Magnitude, Pathway
from dynplug.network.routes import Sizes
from dynplug.plasticity import Plasticity, check_weights
from dynplug.plugin import build
from dynplug.synapses import COBA

_SIGNS = (None, "excitatory", "inhibitory")


def _as(kind: str) -> Callable[[Any], Any]:
    """The converter of a field for a component, which its name or its configuration makes."""
    return lambda given: build(given, kind=kind) if isinstance(given, (str, Mapping)) else given


def _as_delivery(given: Any) -> str | Delivery:
    """A way to deliver: `"auto"`, the name of a registered one, or the one that a configuration makes."""
    if given == "auto" or isinstance(given, Delivery):
        return given
    if not isinstance(given, (str, Mapping)):
        raise ParameterError(
            f"Projection(delivery={given!r}): give 'auto', the name or the configuration of a way to deliver, such as "
            "'events', or a dp.delivery.Delivery."
        )
    made = build(given, kind="delivery")
    return given if isinstance(given, str) else made


class Projection(eqx.Module):
    r"""Connections from one population to others, and the synapses in which they end: an edge of a `Network`.

    $$e_i(t) = \sum_{k:\, j \to i} w_k \, z_j(t - d_k)$$

    $z$ is the output of the source, spikes as a rule, and $e_i$ are the events that the synapse of the unit $i$
    receives. There is one synapse per target unit, which all of its connections share. A projection describes; the
    network that it is given to draws its connections.

    ```python
    E = dp.neurons.LIF(80, tau=20.0, V_rest=-60.0, V_th=-50.0, tau_ref=5.0)
    excitation = dp.Projection(
        "E", ["E", "I"], dp.connectors.FixedProbability(0.02), weight=0.6, delay=1.5,
        synapse=dp.synapses.Exponential(tau=5.0, output=dp.synapses.COBA(0.0)),
    )
    net = dp.Network({"E": E, "I": E.with_size(20)}, {"exc": excitation}, key=jax.random.key(0))
    ```

    **Arguments:**

    - `source`: the name of the population that sends.
    - `target`: the name of the population that receives, or a list of names; several targets share one array of
        synapses, in the order of the list.
    - `connector`: the rule of connections: a connector, such as `dp.connectors.FixedProbability(0.02)`, which is asked
        for each target in turn; its name or configuration; a pair of index arrays `(pre, post)`; or a matrix
        (post, pre), dense or of `scipy.sparse`, with a connection where it is not zero. These two count the units of
        several targets in a row. Pairs that occur twice are two connections.
    - `weight`: the weight of a connection, in the unit that the synapse says. A number for all is a constant, and takes
        no memory. What is not a number is trainable: one value per connection, in the order of the pairs, else sorted
        by receiver and then by sender; a matrix (post, pre); or an initializer. With several targets, those of the
        first target come first.
    - `delay`: the time from a spike to its arrival [ms], a multiple of the step to 1 %; one number, or one per
        connection in any form that a weight has; `None`: within the step, as in a `Sequential`. Those that an
        initializer draws are rounded: to 0.1 ms, and in a run to whole steps, at least one.
    - `synapse`: a synapse without a size, which it gets from the targets; or its name or configuration.
    - `short_term`: short-term plasticity of the source's spikes, such as `dp.plasticity.TsodyksMarkram()`; or its name
        or configuration.
    - `plasticity`: the rule by which spikes change the weights, such as `dp.plasticity.PairSTDP()`; or its name or
        configuration. The weights are then part of the state, `"rec.weight"`, in the order in which `net["rec"].weight`
        has them.
    - `delivery`: the delivery method: `"auto"`, or a method of `dp.delivery.deliver` by its name, such as `"events"`,
        or its configuration. The sums are equal.
    - `sign`: `"excitatory"` or `"inhibitory"` (Dale's law): weights are then given, and trained, as magnitudes greater
        than zero, and inhibitory ones are subtracted.

    **Raises:** `ParameterError`; `UnknownNameError`; `CompositionError` for what is not a synapse or no rule, and, from
    the network, for a rule between populations without spikes.

    **Reference:** Senk, J. et al. (2022), Connectivity concepts in neuronal network modeling,
    doi:10.1371/journal.pcbi.1010086.
    """

    source: str = eqx.field(static=True)
    target: tuple[str, ...] = eqx.field(static=True, converter=as_names)
    connector: Any
    weight: Any = eqx.field(kw_only=True)
    delay: Any = eqx.field(kw_only=True, default=None)
    synapse: Resizable = eqx.field(kw_only=True, converter=_as("synapse"))
    short_term: Resizable | None = eqx.field(kw_only=True, default=None, converter=_as("layer"))
    plasticity: Plasticity | None = eqx.field(kw_only=True, default=None, converter=_as("plasticity"))
    delivery: str | Delivery = eqx.field(kw_only=True, static=True, converter=_as_delivery, default="auto")
    sign: str | None = eqx.field(kw_only=True, static=True, default=None)

    def __check_init__(self) -> None:
        check_ends("Projection", self.source, self.delay)
        if self.sign not in _SIGNS:
            raise ParameterError(f"Projection(sign={self.sign!r}): give 'excitatory', 'inhibitory' or None.")
        if isinstance(self.synapse, type) or not hasattr(self.synapse, "with_size"):
            raise CompositionError(
                "Projection(synapse=...) takes a synapse such as dp.synapses.Exponential(tau=5.0); "
                f"got {self.synapse!r}."
            )
        if self.short_term is not None and (
            isinstance(self.short_term, type) or not hasattr(self.short_term, "with_size")
        ):
            raise CompositionError(
                "Projection(short_term=...) takes short-term plasticity such as dp.plasticity.TsodyksMarkram(); got "
                f"{self.short_term!r}."
            )
        if self.plasticity is not None and not isinstance(self.plasticity, Plasticity):
            raise CompositionError(
                "Projection(plasticity=...) takes a rule that changes weights, such as dp.plasticity.PairSTDP(); got "
                f"{self.plasticity!r}."
            )

    def __repr__(self) -> str:
        return f"Projection({self.source!r} -> {', '.join(map(repr, self.target))}, {self.connector})"

    @property
    def is_delayed(self) -> bool:
        """Whether no connection acts within the step of its spike."""
        return callable(self.delay) or (self.delay is not None and bool(np.all(np.asarray(self.delay) > 0)))

    def draw(self, name: str, sizes: Sizes, late: bool, key: PRNGKeyArray | None) -> Pathway:
        """The projection with its connections.

        **Arguments:**

        - `name`: its name in the network, for messages.
        - `sizes`: of all populations.
        - `late`: whether it reads the source's output of the step before, as it does in a cycle.
        - `key`: of the projection.
        """
        self._check_spikes(name, sizes)
        pairs = Pairs(name, self.connector, self.source, self.target, sizes, child(key, "connector"))
        delays, copy = pairs.delays(self.delay, child(key, "delay"))
        by_receiver = True if self.plasticity is not None or reads_receivers(self.delivery) else None
        fanout, order = pairs.fanout(copy, len(delays), by_receiver)
        weight = as_array(pairs.values("weight", self.weight, child(key, "weight")), order)
        return Pathway(
            self._signed(name, weight),
            fanout,
            self.synapse.with_size(sizes.takes[self.target[0]] if len(self.target) == 1 else pairs.post_size),
            self.short_term and self.short_term.with_size(pairs.pre_size),
            self.plasticity,
            self.source,
            self.target,
            delays,
            tuple(map(sizes.acts_on.__getitem__, self.target)),
            # What rarely is zero has no events.
            for_rates(fanout) if self.delivery == "auto" and self.source not in sizes.spiking else self.delivery,
            late,
            rounded=callable(self.delay),
        )

    def _check_spikes(self, name: str, sizes: Sizes) -> None:
        """Refuse a rule that reads spikes, of populations that have none."""
        without = [end for end in (self.source, *self.target) if end in sizes.graded]
        if self.plasticity is not None and without:
            raise CompositionError(
                f"{name}: {type(self.plasticity).__name__} changes weights by the spikes of both ends, but "
                f"{without[0]!r} has none: its state has no field `spike`. Leave plasticity out, or join populations "
                "that spike."
            )

    def _signed(self, name: str, weight: Parameter) -> Parameter | Magnitude:
        """The weights, or their magnitudes with a sign."""
        known = known_values(name, weight)
        if self.sign is not None and known is not None and not np.all(known > 0):
            raise ParameterError(
                f"{name}: sign={self.sign!r} takes the magnitudes of weights, which are greater than zero; the "
                f"lowest is {np.min(known):g}."
            )
        coba = isinstance(getattr(self.synapse, "output", None), COBA)
        if self.plasticity is not None:
            check_weights(name, self.plasticity, weight, positive=self.sign is not None or coba)
        if self.sign is not None:
            return Magnitude(weight, sign=1.0 if self.sign == "excitatory" else -1.0)
        if coba and known is not None and np.any(known < 0):
            raise ParameterError(
                f"{name}: a conductance has no negative weights; the lowest is {np.min(known):g}. Inhibition is that "
                "of a reversal potential, as in COBA(-80.0)."
            )
        return weight
