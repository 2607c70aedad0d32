"""What a plugin's hook module imports: specs and `hookimpl`. Standard library and pluggy only, never JAX.

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
_CITATION = re.compile(r"10\.\d{4,9}/\S+|@\w+\s*\{.*\}\s*", re.DOTALL)


@dataclass(frozen=True)
class Host:
    """What a hook may ask of the dynplug that calls it."""

    version: str
    api_version: int = API_VERSION


@dataclass(frozen=True, kw_only=True)
class Param:
    """One parameter of a component's constructor.

    **Arguments:**

    - `name`: its name.
    - `default`: its default, as Python writes it; empty where a value must be given.
    - `unit`: its unit, as `mV`.
    - `bounds`: the lowest and the highest value that make sense, `None` for no bound.
    - `trainable`: whether trainers change it unless they are told otherwise.
    - `doc`: what it is.
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

    Its parameters, equations and source are written once, in the docstring of the target, where `dynplug info` reads
    them. The fields for them are for targets whose docstring is another's, as an optimizer of optax.

    **Arguments:**

    - `name`: the name users write; letters, digits, `-` and `_`. Case, `-` and `_` do not count when it is looked up.
    - `target`: where the component is, `"package.module:Attribute"`; imported on first use.
    - `summary`: one line for listings.
    - `aliases`: other names for it.
    - `revision`: raised whenever the mathematics changes, so that a saved model names the one it was made with.
    - `deprecated`: why it should no longer be used and what to use instead; shown to whoever asks for it.
    - `requires`: distributions that the target needs beyond its package's own requirements; looked for before the
        target is imported.
    - `example`: keyword arguments that build a minimal instance; a value may be a configuration.
    - `capabilities`: what the component can do, in words that the conformance suite knows.
    - `expected_failures`: checks of the conformance suite that are known to fail, each with the reason; one that passes
        is a failure then.
    - `inert`: arguments that change no number, and arrays that get no gradient, by intention: each with the reason.
    - `params`: the parameters, instead of what the constructor and its docstring say.
    - `equations`: LaTeX, instead of the docstring's.
    - `citation`: a DOI, as `10.1113/jphysiol.1952.sp004764`, or a BibTeX entry, instead of the docstring's reference.
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
    params: tuple[Param, ...] = ()
    equations: tuple[str, ...] = ()
    citation: str = ""

    def __post_init__(self) -> None:
        _check_types(self)
        for name in (self.name, *self.aliases):
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name!r} is no component name: write letters, digits, '-' and '_', a letter first.")
        if not _TARGET.fullmatch(self.target):
            raise ValueError(f"{self.name}: target {self.target!r} is not of the form 'package.module:Attribute'.")
        if self.revision < 1:
            raise ValueError(f"{self.name}: revision {self.revision} is not a positive whole number.")
        if self.citation and not _CITATION.fullmatch(self.citation):
            raise ValueError(f"{self.name}: citation {self.citation!r} is neither a DOI nor a BibTeX entry.")


def _check_types(spec: Spec) -> None:
    """Refuse fields of other types than they are declared with, before a listing has to print them."""
    for field_name in ("name", "target", "summary", "deprecated", "citation"):
        if not isinstance(given := getattr(spec, field_name), str):
            raise TypeError(f"{spec.name!r}: {field_name} must be text; got {given!r}.")
    for field_name in ("aliases", "requires", "capabilities", "equations"):
        given = getattr(spec, field_name)
        if isinstance(given, str):
            raise TypeError(f"{spec.name}: {field_name} is one string: write ({given!r},).")
        if not isinstance(given, (tuple, list)) or not all(isinstance(one, str) for one in cast("list[Any]", given)):
            raise TypeError(f"{spec.name}: {field_name} must be a tuple of strings; got {given!r}.")
    if not isinstance(spec.params, (tuple, list)) or not all(isinstance(one, Param) for one in spec.params):
        raise TypeError(f"{spec.name}: params must be a tuple of Param; got {spec.params!r}.")
    if not isinstance(spec.example, Mapping) or not all(isinstance(key, str) for key in spec.example):
        raise TypeError(f"{spec.name}: example must be keyword arguments; got {spec.example!r}.")
    told = spec.expected_failures
    if not isinstance(told, Mapping) or not all(isinstance(one, str) for pair in told.items() for one in pair):
        raise TypeError(f"{spec.name}: expected_failures must be reasons by the names of checks; got {told!r}.")
    if not isinstance(spec.revision, int):
        raise TypeError(f"{spec.name}: revision must be a whole number; got {spec.revision!r}.")


class NeuronSpec(Spec):
    """A `dynplug.DynamicalSystem` that receives a drive."""


class SynapseSpec(Spec):
    """A `dynplug.DynamicalSystem` that turns presynaptic events into a drive."""


class LayerSpec(Spec):
    """A `dynplug.DynamicalSystem` of any other sort."""


class LossSpec(Spec):
    """`f(predicts, targets) -> scalar`, batch first, or a class whose instances are called so."""


class RunnerSpec(Spec):
    """A class made as `Runner(target, ...)` that carries a system through time; trainers are runners."""


class SurrogateSpec(Spec):
    """A `dynplug.surrogates.Surrogate`: the hard step, with a derivative of its own."""


class IntegratorSpec(Spec):
    """A `diffrax.AbstractSolver`."""


class InitializerSpec(Spec):
    """A class whose instances are called as `f(key, shape, dtype) -> array`."""


class ConnectorSpec(Spec):
    """A class whose instances are called as `f(pre, post, *, key=None) -> dynplug.connectors.Connections`."""


class EncoderSpec(Spec):
    """A class whose instances are called as `f(x, *, key=None) -> array`, time first."""


class ObserverSpec(Spec):
    """A class whose instances have hooks of `dynplug.plugin.observing`, called as a run goes that was given one."""


class OptimizerSpec(Spec):
    """A function of hyperparameters that returns an `optax.GradientTransformation`."""


class ScheduleSpec(Spec):
    """A function of its parameters that returns a function of the step, as a learning rate that decays."""


class MetricSpec(Spec):
    """`f(predicts, targets) -> scalar`, batch first, logged but not differentiated."""


class TaskSpec(Spec):
    """A `dynplug.tasks.Task`: data, its time step and a recipe that trains on it."""
