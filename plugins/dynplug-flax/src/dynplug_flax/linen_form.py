"""Modules of `flax.linen`."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import flax.linen as nn
import jax
from flax.core import meta, unfreeze
from flax.errors import InvalidRngError
from jaxtyping import PRNGKeyArray, PyTree

from dynplug_flax.module_form import Module, ModuleForm, NeedsKey, Variables
from dynplug_flax.phase import check_inputs, phase, told_by


@dataclass(frozen=True)
class LinenForm(ModuleForm):
    """A module of linen, which holds no arrays."""

    trained: ClassVar = "params"
    known: ClassVar = {"batch_stats": "statistic"}
    unbound: Any

    @classmethod
    def of(cls, module: nn.Module) -> "LinenForm":
        """The form of a module. **Raises:** `CompositionError` for one that takes several inputs."""
        form = cls(isinstance(module, nn.RNNCellBase), module.clone(parent=None))
        check_inputs(form.name, module.__call__, is_cell=form.is_cell)
        return form

    @property
    def name(self) -> str:
        return type(self.unbound).__name__

    @property
    def draws(self) -> bool:
        return True

    def carry(self, variables: Variables, shape: tuple[int, ...], key: PRNGKeyArray | None) -> PyTree:
        return self.unbound.initialize_carry(key, shape)

    def drawn(self, module: Module, x: PyTree, key: PRNGKeyArray | None) -> Variables:
        with nn.intercept_methods(_telling(False)):
            made = self.unbound.init(_streams(key), *self.inputs({}, x, key), **self._told(False))
        return self.opened(made)

    def call(
        self,
        variables: Variables,
        inputs: tuple[PyTree, ...],
        *,
        fit: bool,
        key: PRNGKeyArray | None,
        changing: list[str],
    ) -> tuple[PyTree, Variables]:
        try:
            with nn.intercept_methods(_telling(fit)):
                out, changed = self.unbound.apply(
                    variables, *inputs, rngs=_streams(key), mutable=changing, **self._told(fit)
                )
        except InvalidRngError as error:
            if key is None:
                raise NeedsKey from error
            raise
        return out, changed

    def opened(self, given: PyTree) -> Variables:
        return meta.unbox(unfreeze(given))

    def closed(self, variables: Variables) -> PyTree:
        return variables

    def module(self, variables: Variables) -> nn.Module:
        return self.unbound

    def _told(self, fit: bool) -> dict[str, bool]:
        """The phase as arguments, but for those that the module has settled by its attributes."""
        return phase((n for n in told_by(self.unbound.__call__) if getattr(self.unbound, n, None) is None), fit)


def _streams(key: PRNGKeyArray | None) -> dict[str, PRNGKeyArray]:
    """Keys by stream, none without a key; where there is no other, linen takes that of `params`."""
    return {} if key is None else dict(zip(("params", "dropout"), jax.random.split(key), strict=True))


def _telling(fit: bool) -> Callable[..., PyTree]:
    """An interceptor that tells the phase to inner modules to which nobody has told it, as `Dropout` in a row."""

    def tell(
        call: Callable[..., PyTree],
        args: tuple[PyTree, ...],
        given: dict[str, PyTree],
        context: nn.module.InterceptorContext,
    ) -> PyTree:
        if context.method_name != "__call__":
            return call(*args, **given)
        passed = inspect.signature(context.orig_method).bind_partial(*args, **given).arguments
        open_ = [
            name
            for name, p in told_by(context.orig_method).items()
            if p.default in (None, p.empty) and name not in passed and getattr(context.module, name, None) is None
        ]
        return call(*args, **given, **phase(open_, fit))

    return tell
