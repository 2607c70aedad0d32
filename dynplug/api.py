"""The interface of a plugin's hook module: specs and `hookimpl`. It imports the standard library and pluggy, never JAX.

```python
from dynplug.api import NeuronSpec, hookimpl

@hookimpl
def dynplug_register_neurons():
    return [NeuronSpec(name="double-leak", target="my_package.model:DoubleLeak", summary="Two leaks.")]
```
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pluggy

hookimpl = pluggy.HookimplMarker("dynplug")

API_VERSION = 1
ENTRY_POINT_GROUP = f"dynplug.v{API_VERSION}"

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_TARGET = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
_CITATION = re.compile(r"10\.\d{4,9}/\S+|@\w+\s*\{.*\}\s*|[^()]+ \(\d{4}\), \S.*", re.DOTALL)


@dataclass(frozen=True)
class Host:
    """The dynplug that calls a hook."""

    version: str
    api_version: int = API_VERSION


@dataclass(frozen=True, kw_only=True)
class Param:
    """One parameter of a component's constructor.

    **Arguments:**

    - `name`: its name.
    - `default`: its default as Python source; empty if it is required.
    - `unit`: its unit, such as `mV`.
    - `bounds`: the lowest and highest sensible value, `None` for no bound.
    - `trainable`: whether trainers train it by default.
    - `doc`: its description.
    """

    name: str
    default: str = ""
    unit: str = ""
    bounds: tuple[float | None, float | None] = (None, None)
    trainable: bool = False
    doc: str = ""


@dataclass(frozen=True, kw_only=True)
class Spec:
    """A component before it is imported.

    Its parameters, equations and source are stated once, in the docstring of the target, where `dynplug info` reads
    them. The fields `arguments`, `params`, `equations` and `citation` are for targets of other libraries, as optax's
    optimizers.

    **Arguments:**

    - `name`: the name users write: letters, digits, `-` and `_`. Lookups ignore case, `-` and `_`.
    - `target`: the import path of the component, `"package.module:Attribute"`; imported on first use.
    - `summary`: one line for listings.
    - `aliases`: other names for it.
    - `revision`: an integer to raise whenever the mathematics changes, so that saved models name the one they use.
    - `deprecated`: the reason not to use it any longer, and its replacement; shown to its users.
    - `requires`: distributions that the target needs beyond the requirements of its package; checked before the target
        is imported.
    - `example`: keyword arguments of a minimal instance; a value may be a configuration.
    - `capabilities`: optional abilities of the component, in terms that the conformance suite defines.
    - `expected_failures`: checks of the conformance suite that are known to fail, each with the reason; such a check
        fails if it passes.
    - `inert`: arguments that are meant to change no number, and arrays that are meant to get no gradient, each with the
        reason.
    - `identities`: equations between what the component is given and what it does, each side as text, as
        `{"value": "mean((predicts - targets)**2)"}`; the conformance suite checks them.
    - `arguments`: descriptions of the constructor's arguments by name, as a docstring has them, with units in brackets.
        One that the constructor does not take, as in an older version of its library, is ignored.
    - `params`: the parameters, overriding the constructor and its docstring.
    - `equations`: LaTeX, overriding the docstring.
    - `citation`: a DOI such as `10.1113/jphysiol.1952.sp004764`, a BibTeX entry, or a reference as in a docstring,
        `AUTHORS (YEAR), TITLE, doi:DOI`, overriding the docstring.
    """

    name: str
    target: str
    summary: str = ""
    aliases: tuple[str, ...] = ()
    revision: int = 1
    deprecated: str = ""
    requires: tuple[str, ...] = ()
    example: Mapping[str, object] = field(default_factory=dict[str, object])
    capabilities: tuple[str, ...] = ()
    expected_failures: Mapping[str, str] = field(default_factory=dict[str, str])
    inert: Mapping[str, str] = field(default_factory=dict[str, str])
    identities: Mapping[str, str] = field(default_factory=dict[str, str])
    arguments: Mapping[str, str] = field(default_factory=dict[str, str])
    params: tuple[Param, ...] = ()
    equations: tuple[str, ...] = ()
    citation: str = ""

    def __post_init__(self) -> None:
        _check_types(self)
        for name in (self.name, *self.aliases):
            if not _NAME.fullmatch(name):
                raise ValueError(
                    f"Invalid component name {name!r}: write letters, digits, '-' and '_', first a letter."
                )
        if not _TARGET.fullmatch(self.target):
            raise ValueError(f"{self.name}: target {self.target!r} must have the form 'package.module:Attribute'.")
        if self.revision < 1:
            raise ValueError(f"{self.name}: revision must be a positive integer; got {self.revision}.")
        if self.citation and not _CITATION.fullmatch(self.citation):
            raise ValueError(
                f"{self.name}: citation must be a DOI or a BibTeX entry; got {self.citation!r}. In words it is "
                "'AUTHORS (YEAR), TITLE, doi:DOI'."
            )


def _check_types(spec: Spec) -> None:
    """Reject fields of the wrong type here, before a listing has to print them."""
    for field_name in ("name", "target", "summary", "deprecated", "citation"):
        if not isinstance(given := getattr(spec, field_name), str):
            raise TypeError(f"{spec.name!r}: {field_name} must be a string; got {given!r}.")
    for field_name in ("aliases", "requires", "capabilities", "equations"):
        given = getattr(spec, field_name)
        if isinstance(given, str):
            raise TypeError(f"{spec.name}: {field_name} must be a tuple of strings: write ({given!r},).")
        if not isinstance(given, (tuple, list)) or not all(isinstance(one, str) for one in cast("list[Any]", given)):
            raise TypeError(f"{spec.name}: {field_name} must be a tuple of strings; got {given!r}.")
    if not isinstance(spec.params, (tuple, list)) or not all(isinstance(one, Param) for one in spec.params):
        raise TypeError(f"{spec.name}: params must be a tuple of Param; got {spec.params!r}.")
    if not isinstance(spec.example, Mapping) or not all(isinstance(key, str) for key in spec.example):
        raise TypeError(f"{spec.name}: example must map names to values; got {spec.example!r}.")
    for field_name, what in (
        ("expected_failures", "checks to reasons"),
        ("identities", "texts to texts"),
        ("arguments", "names to descriptions"),
    ):
        given = getattr(spec, field_name)
        if not isinstance(given, Mapping) or not all(isinstance(one, str) for pair in given.items() for one in pair):
            raise TypeError(f"{spec.name}: {field_name} must map {what}; got {given!r}.")
    if not isinstance(spec.revision, int):
        raise TypeError(f"{spec.name}: revision must be a positive integer; got {spec.revision!r}.")


class NeuronSpec(Spec):
    """A `dynplug.DynamicalSystem` that receives a drive."""


class SynapseSpec(Spec):
    """A `dynplug.DynamicalSystem` that turns presynaptic events into a drive."""


class LayerSpec(Spec):
    """Any other `dynplug.DynamicalSystem`."""


class SourceSpec(Spec):
    """A `dynplug.sources.Source`: a system without input, such as a spike train or noise."""


class LossSpec(Spec):
    """`f(predicts, targets) -> scalar`, batch first, or a class of such functions."""


class RunnerSpec(Spec):
    """A class, built as `Runner(target, ...)`, that carries a system through time; trainers are runners."""


class SurrogateSpec(Spec):
    """A `dynplug.surrogates.Surrogate`: the step function with a surrogate derivative."""


class IntegratorSpec(Spec):
    """A `diffrax.AbstractSolver`."""


class InitializerSpec(Spec):
    """A class whose instances are called as `f(key, shape, dtype) -> array`."""


class ConnectorSpec(Spec):
    """A class whose instances are called as `f(pre, post, *, key=None) -> dynplug.connectors.Connections`.

    Where they have a method `expected(pre, post)`, the number of connections, a network that needs more memory than
    there is will be refused before it is drawn.
    """


class EncoderSpec(Spec):
    """A class whose instances are called as `f(x, *, key=None) -> array`, time first."""


class DeliverySpec(Spec):
    """A `dynplug.delivery.Delivery`: an exact way of taking the sum over the connections of what units send."""


class PlasticitySpec(Spec):
    """A `dynplug.plasticity.Plasticity`: a rule by which spikes change the weights of a projection."""


class ObserverSpec(Spec):
    """A class whose instances implement hooks of `dynplug.plugin.observing`, called during a run."""


class SamplerSpec(Spec):
    """A `dynplug.search.Sampler`, which chooses the values of a sweep's trials."""


class LauncherSpec(Spec):
    """A `dynplug.search.Launcher`, which runs the trials of a sweep."""


class OptimizerSpec(Spec):
    """A function of hyperparameters that returns an `optax.GradientTransformation`."""


class ScheduleSpec(Spec):
    """A function of its parameters that returns a function of the step, such as a decaying learning rate."""


class MetricSpec(Spec):
    """`f(predicts, targets) -> scalar`, batch first; logged, not differentiated."""


class DiagnosticSpec(Spec):
    """A `dynplug.diagnosis.Diagnostic`: a check of a model on a batch.

    With the capability `"cheap"` it reads no backward pass, and also runs after the first epoch of each training.
    """


class TaskSpec(Spec):
    """A `dynplug.tasks.Task`: data, its time step and a recipe that trains on it."""
