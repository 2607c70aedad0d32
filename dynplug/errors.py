"""Named errors.

Every error dynplug raises on purpose is a `DynplugError` and also the builtin that fits it, so `except ValueError`
keeps working. A message says what failed, what was given, what was expected, and what to do.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from pickle import PicklingError
from typing import Any

_SHOWN = 12  # of a list that may be long


class DynplugError(Exception):
    """The common base of all errors below."""


class ShapeError(DynplugError, ValueError):
    """An array's shape does not fit the system that receives it."""


class ParameterError(DynplugError, ValueError):
    """An argument of a part of a model, or of a loss or task, has a value or a shape that the part cannot take.

    For arguments of runners, trainers, observers, functions and commands see `OptionError`.
    """


class EquationError(DynplugError, ValueError):
    """The text of an equation is not in the grammar, uses an unknown name, or has units that do not fit."""


class OptionError(DynplugError, ValueError):
    """An argument of a runner, trainer, observer, function or command has a value that it cannot take.

    For arguments of a model's parts see `ParameterError`.
    """


class ArgumentError(DynplugError, TypeError):
    """A function or constructor was given a keyword that it does not have."""


class StateError(DynplugError, TypeError):
    """A state changes its structure, shapes or dtypes from one step to the next."""


class CompositionError(DynplugError, TypeError):
    """Something that is not a system stands where `>>` or `Sequential` needs one."""


class KeyRequiredError(DynplugError, ValueError):
    """A stochastic system, or an initializer, was used without a random key."""


class IntegratorError(DynplugError, TypeError):
    """A solver cannot integrate an ordinary differential equation in single steps."""


class UnknownNameError(DynplugError, LookupError):
    """No component, option or metric has this name."""


class UnknownPathError(DynplugError, LookupError):
    """A path such as `hidden.V` leads nowhere in a model or in its state."""


class DataError(DynplugError, ValueError):
    """Training data cannot be used as it was given."""


class DurationError(DynplugError, ValueError):
    """A run's duration or its time-varying inputs do not make a whole number of steps."""


class NoTrainableParametersError(DynplugError, ValueError):
    """A trainer was given a model in which nothing can be trained."""


class NonFiniteError(DynplugError, FloatingPointError):
    """The loss or a gradient became NaN or infinite; the model holds its last finite parameters."""


class CheckpointError(DynplugError, ValueError):
    """A checkpoint cannot be written, or is missing, damaged, of another format, or of another model.

    **Attributes:** `damaged`, whether there is no whole file, so that an older one may serve.
    """

    def __init__(self, problem: str, *, damaged: bool = False):
        super().__init__(problem)
        self.damaged = damaged


class StateDictError(DynplugError, ValueError):
    """Arrays by path are not those of the tree that they should go into, or were saved with another model.

    **Attributes:** `missing`, the paths of the tree for which there is no array; `unexpected`, the paths of the arrays
    that the tree does not have; `differing`, a `(path, saved, present)` for each that does not fit.
    """

    def __init__(self, tree: str, missing: list[str], unexpected: list[str], differing: list[Any]):
        super().__init__(f"These arrays are not those of this {tree}: {disagreement(missing, unexpected, differing)}")
        self.missing = missing
        self.unexpected = unexpected
        self.differing = differing


class NotPicklableError(DynplugError, PicklingError):
    """A trainer cannot be sent to another process as it is."""


class DeviceError(DynplugError, RuntimeError):
    """There is no device of this kind."""


class ConfigError(DynplugError, ValueError):
    """A configuration cannot be read, or one of its keys has no meaning.

    **Attributes:** `path`, the key at fault, as `model.hidden.tau`, or empty; `problem`, what is wrong with it.
    """

    def __init__(self, problem: str, path: str = ""):
        super().__init__(f"{path}: {problem}" if path else problem)
        self.problem = problem
        self.path = path


class PluginError(DynplugError, ImportError):
    """A plugin, or one component of it, cannot be used."""


class MissingPackageError(DynplugError, ImportError):
    """A component needs a package that is not installed."""


class ConformanceError(DynplugError, AssertionError):
    """A component does not keep the contract of its kind."""


class NonFiniteWarning(UserWarning):
    """A state, or an output, became NaN; what was computed of it is kept, and is NaN where it depends on it."""


class ZeroGradientWarning(UserWarning):
    """A parameter is trained whose gradient is always zero: the loss does not depend on it, or units are silent."""


class DataWarning(UserWarning):
    """Data are not those that a training was begun with; it goes on."""


class CheckpointWarning(UserWarning):
    """A checkpoint lacks something that it was loaded for; all else goes on."""


class RecompilationWarning(UserWarning):
    """Many programs were compiled where one would do."""


class PluginWarning(UserWarning):
    """A plugin was set aside; everything else keeps working."""


class SpikingWarning(UserWarning):
    """Neurons spike in nearly every step, or never although they are driven: most often a mistake of units."""


class PortabilityWarning(UserWarning):
    """What is saved can only be loaded where the same component was registered by hand."""


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown `name`: the closest known name, or else all that are known."""
    known = sorted(set(known))
    close = get_close_matches(name.casefold(), [k.casefold() for k in known], n=1, cutoff=0.6)
    if close:
        return f"Did you mean {next(k for k in known if k.casefold() == close[0])!r}?"
    return f"Known: {', '.join(known)}." if known else "There is none."


def _close(path: str, known: Iterable[str]) -> str:
    close = get_close_matches(path, list(known), n=1, cutoff=0.6)
    return f" (is it {close[0]}?)" if close else ""


def disagreement(missing: list[str], unexpected: list[str], differing: list[Any]) -> str:
    """The end of a message about what was saved and is not the same here: where, and what to do."""
    parts = [*map(str, differing), *(f"missing {path}" for path in missing)]
    parts += [f"unexpected {path}{_close(path, missing)}" for path in unexpected]
    more = f"; and {len(parts) - _SHOWN} more" if len(parts) > _SHOWN else ""
    saved = " (what is saved, not what is here)" if differing else ""
    cast = ", and cast=True converts dtypes" if any(_of_another_dtype(*one) for one in differing) else ""
    return (
        f"{'; '.join(parts[:_SHOWN])}{more}{saved}. Make it as it was saved; or strict=False loads what fits and "
        f"reports the rest{cast}."
    )


def _of_another_dtype(path: str, saved: Any, present: Any) -> bool:
    """Whether `float32[3]` and its like have the same shape."""
    (_, shape, rest), (_, _, other) = str(saved).partition("["), str(present).partition("[")
    return bool(shape) and rest == other
