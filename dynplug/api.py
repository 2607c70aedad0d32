"""What a plugin's hook module imports: specs and `hookimpl`. Standard library and pluggy only, never JAX.

```python
from dynplug.api import NeuronSpec, hookimpl

@hookimpl
def dynplug_register_neurons():
    return [NeuronSpec(name="double-leak", target="my_package.model:DoubleLeak", summary="Two leaks.")]
```
"""

import re
from dataclasses import dataclass, field

import pluggy

hookimpl = pluggy.HookimplMarker("dynplug")

API_VERSION = 1
ENTRY_POINT_GROUP = f"dynplug.v{API_VERSION}"

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_TARGET = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


@dataclass(frozen=True)
class Host:
    """What a hook may ask of the dynplug that calls it."""

    version: str
    api_version: int = API_VERSION


@dataclass(frozen=True, kw_only=True)
class Spec:
    """A component before it is imported.

    **Arguments:**

    - `name`: the name users write; letters, digits, `-` and `_`. Case, `-` and `_` do not count when it is looked up.
    - `target`: where the component is, `"package.module:Attribute"`; imported on first use.
    - `summary`: one line for listings.
    - `aliases`: other names for it.
    - `revision`: raised whenever the mathematics changes, so that a saved model names the one it was made with.
    - `deprecated`: why it should no longer be used and what to use instead; shown to whoever asks for it.
    - `requires`: distributions that the target needs beyond its package's own requirements; looked for before the
        target is imported.
    - `example`: keyword arguments that build a minimal instance.
    """

    name: str
    target: str
    summary: str = ""
    aliases: tuple[str, ...] = ()
    revision: int = 1
    deprecated: str = ""
    requires: tuple[str, ...] = ()
    example: dict[str, object] = field(default_factory=dict[str, object])

    def __post_init__(self) -> None:
        for name in (self.name, *self.aliases):
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name!r} is no component name: write letters, digits, '-' and '_', a letter first.")
        if not _TARGET.fullmatch(self.target):
            raise ValueError(f"{self.name}: target {self.target!r} is not of the form 'package.module:Attribute'.")
        if self.revision < 1:
            raise ValueError(f"{self.name}: revision {self.revision} is not a positive whole number.")


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


class EncoderSpec(Spec):
    """A class whose instances are called as `f(x, *, key=None) -> array`, time first."""


class OptimizerSpec(Spec):
    """A function of hyperparameters that returns an `optax.GradientTransformation`."""


class MetricSpec(Spec):
    """`f(predicts, targets) -> scalar`, batch first, logged but not differentiated."""


class TaskSpec(Spec):
    """A `dynplug.tasks.Task`: data, its time step and a recipe that trains on it."""
