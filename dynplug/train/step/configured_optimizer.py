"""An optimizer as its configuration, in which numbers are leaves of a tree and not hidden in functions."""

from typing import Any

import equinox as eqx
import optax
from jaxtyping import PyTree

from dynplug.errors import OptionError
from dynplug.plugin import as_written, build


class ConfiguredOptimizer(eqx.Module):
    """An `optax.GradientTransformation` that is made of its configuration wherever it is used.

    Two of equal configurations are equal, so that their programs are shared; and where configurations differ in numbers
    alone, these can be traced.

    **Arguments:**

    - `config`: a registered name, or a configuration.
    """

    config: Any

    def made(self) -> optax.GradientTransformationExtraArgs:
        """The optimizer itself. **Raises:** as `made_of`."""
        return made_of(self.config)

    def init(self, params: PyTree) -> PyTree:
        """Its state at the start."""
        return self.made().init(params)

    def update(self, updates: PyTree, state: PyTree, params: PyTree = None, **extra: Any) -> tuple[PyTree, PyTree]:
        """The updates and its next state."""
        return self.made().update(updates, state, params, **extra)


def made_of(config: Any) -> optax.GradientTransformationExtraArgs:
    """The optimizer that a configuration, resolved or not, is of. **Raises:** `OptionError` where it is of none."""
    built = build(config, kind="optimizer")
    if not (hasattr(built, "init") and hasattr(built, "update")):
        raise OptionError(f"optimizer={as_written(config)!r} makes no optax optimizer.")
    return optax.with_extra_args_support(built)
