"""All checks: which kinds each is for, and what it needs of a component."""

import dynplug.testing.neurons as neurons
import dynplug.testing.odes as odes
import dynplug.testing.randomness as randomness
import dynplug.testing.static as static
import dynplug.testing.synapses as synapses
import dynplug.testing.systems as systems
from dynplug.plugin.kinds import KINDS, kind_named
from dynplug.testing.capabilities import exponential_euler, ode, packaged, sized, spiking, stochastic
from dynplug.testing.check import Check

_ALL = tuple(KINDS)
_SYSTEMS = ("neuron", "synapse", "layer")
_ODES = ("neuron", "synapse")

CHECKS: dict[str, Check] = {
    check.name: check
    for check in (
        Check(static.hooks_import_no_jax, _ALL, (packaged,)),
        Check(static.names_are_well_formed, _ALL),
        Check(static.arguments_are_documented, _ALL),
        Check(static.units_are_coherent, _ALL),
        Check(static.citation_is_well_formed, _ALL),
        Check(static.params_match_constructor, _ALL),
        Check(static.builds, _ALL),
        Check(systems.state_keeps_its_form, _SYSTEMS),
        Check(systems.shapes_are_declared, _SYSTEMS),
        Check(systems.wrong_inputs_are_refused, _SYSTEMS, (sized,)),
        Check(systems.keeps_float32, _SYSTEMS),
        Check(systems.keeps_float64, _SYSTEMS),
        Check(systems.jit_equals_eager, _SYSTEMS),
        Check(systems.vmap_equals_loop, _SYSTEMS),
        Check(systems.compiles_once, _SYSTEMS),
        Check(systems.round_trips, _SYSTEMS),
        Check(systems.stays_finite, _SYSTEMS),
        Check(systems.gradients_are_finite, _SYSTEMS),
        Check(randomness.repeats_itself, _SYSTEMS),
        Check(randomness.writes_no_globals, _SYSTEMS),
        Check(randomness.is_random_by_key_alone, _SYSTEMS),
        Check(randomness.depends_on_its_key, _SYSTEMS, (stochastic,)),
        Check(randomness.uses_keys_once, _SYSTEMS, (stochastic,)),
        Check(neurons.spikes_are_binary, ("neuron",), (spiking,)),
        Check(odes.converges_at_its_order, _ODES, (ode,)),
        Check(odes.field_is_unitwise, _ODES, (ode, exponential_euler)),
        Check(synapses.puts_out_a_drive, ("synapse",)),
        Check(synapses.rests_without_events, ("synapse",)),
        Check(synapses.answers_events, ("synapse",)),
    )
}
"""Every check by its name. The names are public: expected failures are declared by them."""


def checks_of(kind: str) -> list[Check]:
    """The checks of a kind, in the order of the table."""
    return [check for check in CHECKS.values() if kind_named(kind).name in check.kinds]
