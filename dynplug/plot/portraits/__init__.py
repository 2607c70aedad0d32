"""Functions that run a component of each kind and draw it into a figure, one or two kinds a file."""

from dynplug.plot.portraits.of_connectors import connector
from dynplug.plot.portraits.of_deliveries import delivery
from dynplug.plot.portraits.of_diagnostics import diagnostic
from dynplug.plot.portraits.of_encoders import encoder
from dynplug.plot.portraits.of_initializers import initializer
from dynplug.plot.portraits.of_integrators import integrator
from dynplug.plot.portraits.of_layers import layer
from dynplug.plot.portraits.of_measures import loss, metric
from dynplug.plot.portraits.of_neurons import neuron
from dynplug.plot.portraits.of_optimizers import optimizer, schedule
from dynplug.plot.portraits.of_plasticity import plasticity
from dynplug.plot.portraits.of_sources import source
from dynplug.plot.portraits.of_surrogates import surrogate
from dynplug.plot.portraits.of_sweeps import launcher, sampler
from dynplug.plot.portraits.of_synapses import synapse
from dynplug.plot.portraits.of_tasks import task
from dynplug.plot.portraits.of_training import observer, runner
from dynplug.plot.portraits.sitter import Drawer as Drawer, Sitter as Sitter
from dynplug.plot.portraits.ticks import at_whole_numbers as at_whole_numbers

DRAWERS: dict[str, Drawer] = {
    draw.__name__: draw
    for draw in (
        *(neuron, synapse, layer, source, loss, runner, surrogate, integrator, initializer),
        *(connector, encoder, optimizer, schedule, observer, metric, task),
        *(plasticity, delivery, diagnostic, sampler, launcher),
    )
}
"""The function that draws a component of a kind, by the kind's name; its docstring says what is seen."""
