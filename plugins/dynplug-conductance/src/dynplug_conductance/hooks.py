"""The components of this package. Only `dynplug.api` is imported here, so that listing them imports no JAX."""

from dynplug.api import NeuronSpec, SynapseSpec, hookimpl


@hookimpl
def dynplug_register_neurons() -> list[NeuronSpec]:
    """One neuron made of channels, and three published ones."""
    return [
        NeuronSpec(
            name="soma",
            target="dynplug_conductance.soma:Soma",
            summary="made of ion channels",
            example={"size": 3, "channels": {"CaT": {"g": 0.4}, "K": {}, "Leak": {}, "Na": {}}},
        ),
        NeuronSpec(
            name="wang-buzsaki",
            target="dynplug_conductance.wang_buzsaki:WangBuzsaki",
            summary="fast-spiking hippocampal interneuron",
            example={"size": 3},
        ),
        NeuronSpec(
            name="morris-lecar",
            target="dynplug_conductance.morris_lecar:MorrisLecar",
            summary="barnacle muscle fibre, two variables",
            example={"size": 3},
        ),
        NeuronSpec(
            name="pinsky-rinzel",
            target="dynplug_conductance.pinsky_rinzel:PinskyRinzel",
            summary="bursting CA3 pyramidal cell, two compartments",
            example={"size": 3},
        ),
    ]


@hookimpl
def dynplug_register_synapses() -> list[SynapseSpec]:
    """Four kinetic synapses."""
    return [
        SynapseSpec(
            name="ampa",
            target="dynplug_conductance.ampa:AMPA",
            summary="fast excitation, first-order kinetics",
            example={"size": 3},
        ),
        SynapseSpec(
            name="nmda",
            target="dynplug_conductance.nmda:NMDA",
            summary="slow excitation, blocked by magnesium",
            example={"size": 3},
        ),
        SynapseSpec(
            name="gaba-a",
            target="dynplug_conductance.gaba_a:GABAA",
            summary="fast inhibition, first-order kinetics",
            example={"size": 3},
        ),
        SynapseSpec(
            name="gaba-b",
            target="dynplug_conductance.gaba_b:GABAB",
            summary="late slow inhibition by way of a G-protein",
            example={"size": 3},
        ),
    ]
