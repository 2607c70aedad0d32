"""Optional capabilities of components, inferred from the components where possible."""

from collections.abc import Callable

import equinox as eqx

import dynplug.testing.connectors as connectors
import dynplug.testing.encoders as encoders
import dynplug.testing.initializers as initializers
import dynplug.testing.shown as shown
from dynplug.core import AveragingSolver, ODESystem
from dynplug.integrators import ExponentialEuler
from dynplug.plugin import Plugin, parameters
from dynplug.testing.checks import Capability
from dynplug.testing.driving import constants
from dynplug.testing.gradients import holds_a_surrogate
from dynplug.testing.static import doc_of, dois
from dynplug.testing.stepping import size_of, start, trial_of, unproven_trial_of
from dynplug.testing.subject import UNITS, Subject
from dynplug.testing.timing import durations

_NO_KEY_ERROR = "it raises no KeyRequiredError without a key"


def _spikes(subject: Subject) -> bool:
    trial = trial_of(subject)
    state = eqx.filter_eval_shape(lambda: start(trial.system, trial.key))
    return getattr(state, "spike", None) is not None


def _takes(name: str) -> Callable[[Subject], bool]:
    return lambda subject: name in parameters(subject.target)


def _states(*names: str) -> Callable[[Subject], bool]:
    """Whether one of these texts stands beside the fields."""
    return lambda subject: any(getattr(subject.instance, name, None) for name in names)


def _declares(name: str) -> Callable[[Subject], bool]:
    return lambda subject: name in subject.spec.capabilities


def _method(name: str) -> Callable[[Subject], bool]:
    return lambda subject: callable(getattr(subject.target, name, None))


def has_hooks(plugin: Plugin) -> bool:
    """Whether a plugin is installed, with a hook module."""
    return " = " in plugin.entry_point


packaged = Capability("packaged", lambda s: has_hooks(s.component.plugin), "it was registered in this process")
registered = Capability("registered", lambda s: s.registered, "it has no spec")
documented = Capability("documented", lambda s: "**Arguments:**" in doc_of(s), "its docstring has no **Arguments:**")
complete = Capability(
    "documented in full", lambda s: "Arguments as for" not in doc_of(s), "its docstring refers to another's"
)
citing = Capability("citing", lambda s: bool(dois(s)), "its docstring cites no DOI")
exemplified = Capability("exemplified", lambda s: bool(shown.examples_of(s)), "its docstring shows no example")
listed = Capability("listed", lambda s: bool(s.spec.params), "its spec lists no params")
keyed = Capability("keyed", _takes("key"), "its constructor takes no key")
stochastic = Capability("stochastic", lambda s: unproven_trial_of(s).stochastic, _NO_KEY_ERROR)
deterministic = Capability("deterministic", lambda s: not unproven_trial_of(s).stochastic, "it is stochastic")
random_connector = Capability("stochastic", connectors.is_random, _NO_KEY_ERROR)
random_encoder = Capability("stochastic", encoders.is_random, _NO_KEY_ERROR)
random_initializer = Capability("random", lambda s: not initializers.is_constant(s), "all entries are the same")
of_three_units = Capability(
    "of three units", lambda s: s.example.get("size") == UNITS, f"its example has no size={UNITS}"
)
parametrised = Capability("parametrised", lambda s: bool(constants(s)), "no field of it is made by param(...)")
timed = Capability(
    "timed",
    lambda s: not isinstance(s.instance, ODESystem) and bool(durations(s)),
    "it is an ODESystem, whose integrator has the step, or documents no argument in [ms]",
)
spiking = Capability("spiking", _spikes, "its state has no field `spike`")
ode = Capability("ode", lambda s: isinstance(s.instance, ODESystem), "it is no ODESystem")
exponential_euler = Capability(
    "exponential Euler",
    lambda s: isinstance(getattr(s.instance, "integrator", None), ExponentialEuler),
    "its integrator is not ExponentialEuler",
)
states_equations = Capability(
    "stated",
    _states("equations"),
    "it states no equations: write the time derivative of each variable, as its publication has it, beside the "
    'fields: `equations: ClassVar = {"V": "(V_rest - V + R * I) / tau"}`',
)
states_start = Capability(
    "stated",
    _states("starts_at"),
    'it does not say where it starts: `starts_at: ClassVar = {"V": "V_rest"}` beside the fields',
)
states_spikes = Capability(
    "stated",
    _states("spikes_if", "on_spike"),
    'it does not say when it spikes: `spikes_if: ClassVar = "V >= V_th"` beside the fields',
)
states_events = Capability(
    "stated",
    _states("on_event"),
    'it does not say what an event does: `on_event: ClassVar = {"g": "g + w"}` beside the fields',
)
states_derivative = Capability(
    "stated",
    _states("equation"),
    'it states no equation: `equation: ClassVar = "1 / (1 + beta * abs(x))**2"` beside the fields',
)
states_identities = Capability("stated", lambda s: bool(s.spec.identities), "its spec states no `identities`")
replaceable = Capability(
    "smooth but for a surrogate in a field",
    lambda s: not _spikes(s) or holds_a_surrogate(s),
    "it spikes, and no field holds the surrogate, whose slope is none of the run's",
)
weighing = Capability("weighing", _takes("sample_weight"), "it takes no sample_weight")
ignoring = Capability("ignoring", _takes("ignore_index"), "it takes no ignore_index")
averaging = Capability(
    "averaging", lambda s: isinstance(s.instance, AveragingSolver), "the mean over a step is not its own"
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
linear = Capability("linear", lambda s: getattr(s.instance, "linear", False), "it does not say that it is `linear`")
settling = Capability("settling", _method("settle"), "it has no method `settle`: its statistics are not of a batch")
unclocked = Capability(
    "unclocked", lambda s: "clocked" not in s.spec.capabilities, "its spec says that it reads the time"
)
prompt = Capability("prompt", lambda s: "delayed" not in s.spec.capabilities, "its spec says that it answers later")
forgetful = Capability(
    "forgetful", lambda s: "persistent" not in s.spec.capabilities, "its spec says that it remembers for good"
)
