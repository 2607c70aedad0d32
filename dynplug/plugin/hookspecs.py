"""The hooks that a plugin may implement. Each returns specs; none is called inside traced code."""

from collections.abc import Iterable

import pluggy

from dynplug.api import (
    ConnectorSpec,
    DeliverySpec,
    DiagnosticSpec,
    EncoderSpec,
    Host,
    InitializerSpec,
    IntegratorSpec,
    LayerSpec,
    LossSpec,
    MetricSpec,
    NeuronSpec,
    ObserverSpec,
    OptimizerSpec,
    PlasticitySpec,
    RunnerSpec,
    ScheduleSpec,
    SourceSpec,
    SurrogateSpec,
    SynapseSpec,
    TaskSpec,
)

hookspec = pluggy.HookspecMarker("dynplug")


@hookspec
def dynplug_register_neurons(host: Host) -> Iterable[NeuronSpec]:  # pyright: ignore[reportReturnType]
    """Neurons that this plugin provides."""


@hookspec
def dynplug_register_synapses(host: Host) -> Iterable[SynapseSpec]:  # pyright: ignore[reportReturnType]
    """Synapses that this plugin provides."""


@hookspec
def dynplug_register_layers(host: Host) -> Iterable[LayerSpec]:  # pyright: ignore[reportReturnType]
    """Layers that this plugin provides."""


@hookspec
def dynplug_register_sources(host: Host) -> Iterable[SourceSpec]:  # pyright: ignore[reportReturnType]
    """Sources that this plugin provides: systems without input."""


@hookspec
def dynplug_register_losses(host: Host) -> Iterable[LossSpec]:  # pyright: ignore[reportReturnType]
    """Losses that this plugin provides."""


@hookspec
def dynplug_register_runners(host: Host) -> Iterable[RunnerSpec]:  # pyright: ignore[reportReturnType]
    """Runners, including trainers, that this plugin provides."""


@hookspec
def dynplug_register_surrogates(host: Host) -> Iterable[SurrogateSpec]:  # pyright: ignore[reportReturnType]
    """Surrogate gradients that this plugin provides."""


@hookspec
def dynplug_register_integrators(host: Host) -> Iterable[IntegratorSpec]:  # pyright: ignore[reportReturnType]
    """Integrators (diffrax solvers) that this plugin provides."""


@hookspec
def dynplug_register_initializers(host: Host) -> Iterable[InitializerSpec]:  # pyright: ignore[reportReturnType]
    """Initializers that this plugin provides."""


@hookspec
def dynplug_register_connectors(host: Host) -> Iterable[ConnectorSpec]:  # pyright: ignore[reportReturnType]
    """Connectors that this plugin provides."""


@hookspec
def dynplug_register_deliveries(host: Host) -> Iterable[DeliverySpec]:  # pyright: ignore[reportReturnType]
    """Ways of delivering spikes through connections that this plugin provides."""


@hookspec
def dynplug_register_encoders(host: Host) -> Iterable[EncoderSpec]:  # pyright: ignore[reportReturnType]
    """Spike encoders that this plugin provides."""


@hookspec
def dynplug_register_plasticity(host: Host) -> Iterable[PlasticitySpec]:  # pyright: ignore[reportReturnType]
    """Rules by which spikes change weights that this plugin provides."""


@hookspec
def dynplug_register_optimizers(host: Host) -> Iterable[OptimizerSpec]:  # pyright: ignore[reportReturnType]
    """Optimizers that this plugin provides."""


@hookspec
def dynplug_register_schedules(host: Host) -> Iterable[ScheduleSpec]:  # pyright: ignore[reportReturnType]
    """Schedules of learning rates that this plugin provides."""


@hookspec
def dynplug_register_observers(host: Host) -> Iterable[ObserverSpec]:  # pyright: ignore[reportReturnType]
    """Observers of runs that this plugin provides; each run has only those that its user passes."""


@hookspec
def dynplug_register_metrics(host: Host) -> Iterable[MetricSpec]:  # pyright: ignore[reportReturnType]
    """Metrics that this plugin provides."""


@hookspec
def dynplug_register_diagnostics(host: Host) -> Iterable[DiagnosticSpec]:  # pyright: ignore[reportReturnType]
    """Diagnostics of models that this plugin provides."""


@hookspec
def dynplug_register_tasks(host: Host) -> Iterable[TaskSpec]:  # pyright: ignore[reportReturnType]
    """Tasks that this plugin provides."""
