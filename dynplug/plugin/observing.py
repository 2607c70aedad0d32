"""Observers of a run: objects whose hooks are called as it goes. A run has those that it was given, and no others.

Hooks are called on the host, between compiled steps, never inside traced code.
"""

import inspect
from collections.abc import Sequence
from typing import Any

import pluggy

from dynplug.errors import PluginError, nearest

hookspec = pluggy.HookspecMarker("dynplug")


class ObserverHooks:
    """The hooks an observer may have; each may leave out arguments that it does not need.

    `run` is the runner. Metrics are plain numbers.
    """

    @hookspec
    def dynplug_run_start(self, run: Any, last: int) -> None:
        """Before the first epoch; `last` is the number of the last one."""

    @hookspec
    def dynplug_epoch_start(self, run: Any, epoch: int) -> None:
        """Before an epoch; `epoch` counts from 1."""

    @hookspec
    def dynplug_after_step(self, run: Any, epoch: int, step: int, metrics: dict[str, float]) -> None:
        """After a step of the optimizer, one step late, so that the device is not waited for; `step` counts from 1."""

    @hookspec
    def dynplug_after_epoch(self, run: Any, epoch: int, metrics: dict[str, dict[str, float]]) -> None:
        """After an epoch; `metrics` by phase, `"fit"` and, with test data, `"test"`: means over samples."""

    @hookspec
    def dynplug_should_stop(self, run: Any, epoch: int, metrics: dict[str, dict[str, float]]) -> bool | None:
        """After an epoch: whether to stop. The run stops if any observer says so."""

    @hookspec
    def dynplug_checkpoint_saved(self, run: Any, path: str) -> None:
        """After a checkpoint was written."""

    @hookspec
    def dynplug_run_error(self, run: Any, error: BaseException) -> None:
        """After an exception, or an interrupt, ended the run; it goes on to whoever started the run."""

    @hookspec
    def dynplug_run_end(self, run: Any) -> None:
        """After the run, however it ended."""


def observers(given: Sequence[Any]) -> Any:
    """The hooks of all observers as one: `observers([a, b]).dynplug_run_start(run=run, last=3)`.

    **Raises:** `PluginError` for an observer without a hook, with a misspelt one, or that is a class.
    """
    manager = pluggy.PluginManager("dynplug")
    manager.add_hookspecs(ObserverHooks)
    known = [name for name in vars(ObserverHooks) if name.startswith("dynplug_")]
    for observer in given:
        name = getattr(observer, "__name__", type(observer).__name__)
        if inspect.isclass(observer):
            raise PluginError(f"Observer {name} is a class: make an instance of it.")
        hooks = [attribute for attribute in dir(observer) if attribute.startswith("dynplug_")]
        for hook in hooks:
            if hook not in known:
                raise PluginError(f"Observer {name} has a hook {hook!r}, which does not exist. {nearest(hook, known)}")
        manager.register(observer)
        if not manager.get_hookcallers(observer):
            raise PluginError(f"Observer {name} has no hook: mark its methods with @dynplug.api.hookimpl.")
    return manager.hook
