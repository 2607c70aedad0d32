"""Observers: objects whose hooks are called during a run. A run has only those that were passed to it.

Hooks are called on the host, between compiled steps, never inside traced code.
"""

import inspect
from collections.abc import Callable, Sequence

import pluggy

from dynplug.errors import PluginError, nearest

hookspec = pluggy.HookspecMarker("dynplug")


class ObserverHooks:
    """The hooks that an observer may implement; each may omit arguments that it does not need.

    Where several processes train together, the hooks are called in each, with the same metrics; an observer that writes
    does so where `trainer.writes` is true. Metrics are plain numbers.
    """

    @hookspec
    def dynplug_keep_best(self, trainer: object) -> object:
        """The metric by which the best epoch's model is kept, and is the one in the end; `None` for none.

        It is named as for `keep_best` of `fit`, or is a `dynplug.train.Watched`. One model is kept: whoever asks must
        ask for the same.
        """

    @hookspec
    def dynplug_run_start(self, trainer: object, last: int) -> None:
        """Before the first epoch; `last` is the number of the last epoch."""

    @hookspec
    def dynplug_epoch_start(self, trainer: object, epoch: int) -> None:
        """Before an epoch; `epoch` counts from 1."""

    @hookspec
    def dynplug_after_step(self, trainer: object, epoch: int, step: int, metrics: dict[str, float]) -> None:
        """After an optimizer step, one step late to avoid waiting for the device; `step` counts from 1."""

    @hookspec
    def dynplug_after_epoch(self, trainer: object, epoch: int, metrics: dict[str, dict[str, float]]) -> None:
        """After an epoch; `metrics` by phase, `"fit"` and, with test data, `"test"`, are means over samples."""

    @hookspec
    def dynplug_should_stop(self, trainer: object, epoch: int, metrics: dict[str, dict[str, float]]) -> bool | None:
        """Whether to stop after this epoch. The run stops if any observer returns true."""

    @hookspec
    def dynplug_checkpoint_saved(self, trainer: object, path: str) -> None:
        """After a checkpoint has been written."""

    @hookspec
    def dynplug_run_error(self, trainer: object, error: BaseException) -> None:
        """After an exception or an interrupt has ended the run; it is then raised to the caller."""

    @hookspec
    def dynplug_run_end(self, trainer: object) -> None:
        """After the run, however it has ended."""


def observers(given: Sequence[object]) -> pluggy.HookRelay:
    """The hooks of all observers, called together: `observers([a, b]).dynplug_run_start(trainer=trainer, last=3)`.

    **Raises:** `PluginError` for an observer without hooks, with a misspelt hook or argument, or that is a class.
    """
    manager = pluggy.PluginManager("dynplug")
    manager.add_hookspecs(ObserverHooks)
    known = [name for name in vars(ObserverHooks) if name.startswith("dynplug_")]
    for observer in given:
        if isinstance(observer, str):
            raise PluginError(f"Observer {observer!r} is a string: in a recipe, write {{ type = {observer!r} }}.")
        name = getattr(observer, "__name__", type(observer).__name__)
        if inspect.isclass(observer):
            raise PluginError(f"Observer {name} is a class: pass an instance of it.")
        hooks = [attribute for attribute in dir(observer) if attribute.startswith("dynplug_")]
        for hook in hooks:
            if hook not in known:
                raise PluginError(f"Observer {name} has an unknown hook {hook!r}. {nearest(hook, known)}")
            if manager.parse_hookimpl_opts(observer, hook) is not None:
                _check_arguments(name, hook, getattr(observer, hook))
        manager.register(observer)
        if not manager.get_hookcallers(observer):
            raise PluginError(f"Observer {name} has no hook: mark its methods with @dynplug.api.hookimpl.")
    return manager.hook


def _check_arguments(name: str, hook: str, given: Callable[..., object]) -> None:
    """Raise `PluginError` where an observer's hook asks for an argument that it would not get."""
    told = list(inspect.signature(getattr(ObserverHooks, hook)).parameters)[1:]
    needed = [p.name for p in inspect.signature(given).parameters.values() if p.default is p.empty]
    if strange := [argument for argument in needed if argument not in told]:
        raise PluginError(
            f"Observer {name}: {hook} has an argument {strange[0]!r}, which it does not get. Its arguments are some of "
            f"{', '.join(told)}."
        )
