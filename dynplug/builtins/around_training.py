"""Components that run, train, watch, examine and repeat."""

from dynplug.api import DiagnosticSpec, LauncherSpec, ObserverSpec, RunnerSpec, SamplerSpec, hookimpl


@hookimpl
def dynplug_register_observers() -> list[ObserverSpec]:
    """Observers of the core. A run has those that it is given, `[[runner.observers]]` in a configuration."""
    return [
        ObserverSpec(
            name="EarlyStopping",
            target="dynplug.train:EarlyStopping",
            summary="stops training when a metric no longer improves",
        )
    ]


@hookimpl
def dynplug_register_diagnostics() -> list[DiagnosticSpec]:
    """Diagnostics of the core."""

    def diagnostic(name: str, summary: str, *capabilities: str) -> DiagnosticSpec:
        return DiagnosticSpec(name=name, target=f"dynplug.diagnosis:{name}", summary=summary, capabilities=capabilities)

    return [
        diagnostic("NotFinite", "where NaN or infinity begins", "cheap"),
        diagnostic("Axes", "axes of the data that were exchanged"),
        diagnostic("TimeConstants", "time constants in another unit than the step"),
        diagnostic("Currents", "currents that look like pA"),
        diagnostic("Silence", "units that never spike, or always", "cheap"),
        diagnostic("SurrogateSupport", "potentials where the surrogate has no derivative"),
        diagnostic("LayerGradients", "gradients that do not reach the first layer"),
        diagnostic("TimeGradients", "gradients that do not reach the first step"),
        diagnostic("Leaks", "samples that depend on each other"),
        diagnostic("MemoryNeed", "the memory of a training step"),
        diagnostic("OneBatch", "whether one batch can be learned by heart"),
        diagnostic("InitialScale", "the scale of weights at which units spike at a rate"),
    ]


@hookimpl
def dynplug_register_samplers() -> list[SamplerSpec]:
    """Samplers of the core, `sampler` in the section `[sweep]` of a configuration."""
    return [
        SamplerSpec(name="grid", target="dynplug.search:Grid", summary="all combinations of the values"),
        SamplerSpec(
            name="random",
            target="dynplug.search:Random",
            summary="independent random values",
            example={"num_trial": 20},
        ),
    ]


@hookimpl
def dynplug_register_launchers() -> list[LauncherSpec]:
    """Launchers of the core, `launcher` in the section `[sweep]` of a configuration."""
    return [
        LauncherSpec(name="serial", target="dynplug.sweep:Serial", summary="one trial after the other"),
        LauncherSpec(name="processes", target="dynplug.sweep:Processes", summary="trials in processes of this machine"),
        LauncherSpec(name="vmap", target="dynplug.sweep:Vmap", summary="the steps of many trials as one program"),
    ]


@hookimpl
def dynplug_register_runners() -> list[RunnerSpec]:
    """Runners of the core."""
    return [
        RunnerSpec(
            name="LoopOverTime", target="dynplug.run:LoopOverTime", summary="a system over time, as a pure function"
        ),
        RunnerSpec(name="DSRunner", target="dynplug.run:DSRunner", summary="simulation with inputs and monitors"),
        RunnerSpec(
            name="BPTT",
            target="dynplug.train:BPTT",
            summary="training by backpropagation through time",
            capabilities=("bptt",),
        ),
        RunnerSpec(
            name="BPFF",
            target="dynplug.train:BPFF",
            summary="training by backpropagation, without time",
            capabilities=("timeless",),
        ),
    ]
