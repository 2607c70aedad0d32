"""The table of kinds of components."""

from dataclasses import dataclass

from dynplug import api
from dynplug.errors import UnknownNameError, nearest


@dataclass(frozen=True)
class Kind:
    """A kind of component.

    `contract` is the import path of the class from which a target must derive (`None`: any callable). `factory` says
    that a target is always called with parameters to make the component, even if it is a plain function. `model` marks
    the kinds of which a model is composed: these are searched first if a configuration does not state the kind. `also`
    is a kind whose components serve as well, where none of this kind has the name.
    """

    name: str
    plural: str
    spec: type[api.Spec]
    signature: str
    contract: str | None = None
    factory: bool = True
    model: bool = False
    also: str = ""

    @property
    def hook(self) -> str:
        return f"dynplug_register_{self.plural}"


_SYSTEM = "dynplug.core:DynamicalSystem"

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("neuron", "neurons", api.NeuronSpec, "update(state, x, ctx) -> (state, out)", _SYSTEM, model=True),
        Kind(
            "synapse", "synapses", api.SynapseSpec, "update(state, events, ctx) -> (state, Drive)", _SYSTEM, model=True
        ),
        Kind("layer", "layers", api.LayerSpec, "update(state, x, ctx) -> (state, out)", _SYSTEM, model=True),
        Kind(
            "source",
            "sources",
            api.SourceSpec,
            "generate(state, ctx) -> (state, out)",
            "dynplug.sources:Source",
            model=True,
        ),
        Kind("loss", "losses", api.LossSpec, "f(predicts, targets) -> scalar", factory=False),
        Kind("runner", "runners", api.RunnerSpec, "Runner(target, ...); a trainer: dynplug.train.Trainer"),
        Kind("surrogate", "surrogates", api.SurrogateSpec, "f(V - V_th) -> spike", "dynplug.surrogates:Surrogate"),
        Kind("integrator", "integrators", api.IntegratorSpec, "diffrax.AbstractSolver", "diffrax:AbstractSolver"),
        Kind("initializer", "initializers", api.InitializerSpec, "f(key, shape, dtype) -> array"),
        Kind("connector", "connectors", api.ConnectorSpec, "f(pre, post, *, key=None) -> Connections"),
        Kind(
            "delivery",
            "deliveries",
            api.DeliverySpec,
            "f(x, weight, fanout, pre) -> sum",
            "dynplug.delivery:Delivery",
        ),
        Kind("encoder", "encoders", api.EncoderSpec, "f(x, *, key=None) -> (time, ...)"),
        Kind(
            "plasticity",
            "plasticity",
            api.PlasticitySpec,
            "update(state, weight, sent, spiked, fanout, ctx) -> (state, weight)",
            "dynplug.plasticity:Plasticity",
        ),
        Kind("optimizer", "optimizers", api.OptimizerSpec, "f(**hyperparameters) -> optax.GradientTransformation"),
        Kind("schedule", "schedules", api.ScheduleSpec, "f(**parameters) -> (step -> value)"),
        Kind("observer", "observers", api.ObserverSpec, "hooks such as dynplug_after_epoch(trainer, epoch, metrics)"),
        Kind(
            "sampler",
            "samplers",
            api.SamplerSpec,
            "ask(search, number) -> values by path, or None",
            "dynplug.search:Sampler",
        ),
        Kind("launcher", "launchers", api.LauncherSpec, "launch(trials) -> outcomes", "dynplug.search:Launcher"),
        Kind("metric", "metrics", api.MetricSpec, "f(predicts, targets) -> scalar", factory=False, also="loss"),
        Kind(
            "diagnostic",
            "diagnostics",
            api.DiagnosticSpec,
            "examine(evidence) -> findings",
            "dynplug.diagnosis:Diagnostic",
        ),
        Kind("task", "tasks", api.TaskSpec, "load(key) -> TaskData", "dynplug.tasks:Task"),
    )
}


def kind_named(name: str) -> Kind:
    """The kind with this name, singular or plural."""
    for kind in KINDS.values():
        if name in (kind.name, kind.plural):
            return kind
    raise UnknownNameError(f"There is no kind of component called {name!r}. {nearest(name, KINDS)}")
