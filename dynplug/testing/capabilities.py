"""Optional capabilities of components, inferred from the components where possible."""

from collections.abc import Callable

from dynplug.core import ODESystem
from dynplug.integrators import ExponentialEuler
from dynplug.plugin import Plugin
from dynplug.testing.checks import Capability
from dynplug.testing.stepping import size_of, start, trial_of, unproven_trial_of
from dynplug.testing.subject import Subject


def _spikes(subject: Subject) -> bool:
    trial = trial_of(subject)
    return getattr(start(trial.system, trial.key), "spike", None) is not None


def _declares(name: str) -> Callable[[Subject], bool]:
    return lambda subject: name in subject.spec.capabilities


def _method(name: str) -> Callable[[Subject], bool]:
    return lambda subject: callable(getattr(subject.target, name, None))


def has_hooks(plugin: Plugin) -> bool:
    """Whether a plugin is installed, with a hook module."""
    return " = " in plugin.entry_point


packaged = Capability("packaged", lambda s: has_hooks(s.component.plugin), "it was registered in this process")
stochastic = Capability(
    "stochastic", lambda s: unproven_trial_of(s).stochastic, "it raises no KeyRequiredError without a key"
)
spiking = Capability("spiking", _spikes, "its state has no field `spike`")
ode = Capability("ode", lambda s: isinstance(s.instance, ODESystem), "it is no ODESystem")
exponential_euler = Capability(
    "exponential Euler",
    lambda s: isinstance(getattr(s.instance, "integrator", None), ExponentialEuler),
    "its integrator is not ExponentialEuler",
)
trains = Capability("a trainer", _method("fit"), "it has no method `fit`")
saves = Capability(
    "saving",
    lambda s: _method("save_states")(s) and _method("load_states")(s),
    "it cannot `save_states` and `load_states`",
)
simulates = Capability(
    "a simulator", lambda s: not _method("fit")(s) and (_method("run")(s) or _method("__call__")(s)), "it is a trainer"
)
bptt = Capability("bptt", _declares("bptt"), "its spec does not declare the capability 'bptt'")
sized = Capability("sized", lambda s: size_of(s.instance, "in_size") is not None, "it declares no in_size")
unclocked = Capability(
    "unclocked", lambda s: "clocked" not in s.spec.capabilities, "its spec says that it reads the time"
)
prompt = Capability("prompt", lambda s: "delayed" not in s.spec.capabilities, "its spec says that it answers later")
forgetful = Capability(
    "forgetful", lambda s: "persistent" not in s.spec.capabilities, "its spec says that it remembers for good"
)
