"""A registered component and the import of its target."""

import importlib
import warnings
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from dynplug.api import Spec
from dynplug.errors import PluginError
from dynplug.plugin.discovery import DISABLE, Plugin
from dynplug.plugin.kinds import Kind
from dynplug.plugin.strangers import CtrlC, reason_of, strangers_code


@dataclass(frozen=True)
class Component:
    """A registered component: its kind, its spec and its plugin.

    `given` is the object itself if the user registered it in this process; otherwise the spec's target is imported.
    """

    kind: Kind
    spec: Spec
    plugin: Plugin
    given: object = None

    @property
    def id(self) -> str:
        return f"{self.plugin.namespace}:{self.spec.name}@{self.spec.revision}"

    @property
    def pin(self) -> str:
        """The unambiguous name for a configuration: `LIF@1`, or `my-package:my-lif@2`."""
        return self.id.removeprefix("dynplug:")

    @property
    def contract(self) -> type | None:
        """The base class of all instances of this kind, or `None`."""
        return _import(self.kind.contract) if self.kind.contract else None

    def load(self) -> Any:
        """Import the target and check it against the contract of its kind."""
        if self.spec.deprecated:
            warnings.warn(
                f"{self.kind.name} {self.id} is deprecated: {self.spec.deprecated}", FutureWarning, stacklevel=3
            )
        target = self._target() if self.given is None else self.given
        contract = self.contract
        if contract is not None and isinstance(target, type) and not issubclass(target, contract):
            raise PluginError(
                f"{self.kind.name} {self.id} violates its contract: {self.spec.target!r} must be a subclass of "
                f"{contract.__module__}.{contract.__name__}."
            )
        if not callable(target):
            raise PluginError(
                f"{self.kind.name} {self.id} violates its contract: {self.spec.target!r} must be callable."
            )
        self.plugin.status = "loaded"
        return target

    def _target(self) -> object:
        for name in self.spec.requires:
            try:
                version(name)
            except PackageNotFoundError as cause:
                raise PluginError(f"{self.kind.name} {self.id} needs {name}: pip install {name}") from cause
        whose = f"{self.spec.target!r} of {self.plugin.distribution} {self.plugin.version}"
        try:
            with strangers_code(f"the import of {whose}", f"To disable it: {DISABLE}={self.plugin.namespace}"):
                return _import(self.spec.target)
        except CtrlC:
            raise
        except BaseException as cause:  # a plugin's module may raise anything
            raise PluginError(
                f"{self.kind.name} {self.id} cannot be used: importing {whose} failed with {reason_of(cause)}"
            ) from cause


def _import(target: str) -> Any:
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)
