"""Named errors and warnings.

Every error that dynplug raises on purpose is a `DynplugError` and also the matching builtin exception, so `except
ValueError` keeps working. A message says what failed, what was given, what was expected, and what to do.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from pickle import PicklingError
from typing import Any

_SHOWN = 12  # entries of a list


class DynplugError(Exception):
    """The base class of all errors below."""


class ShapeError(DynplugError, ValueError):
    """The shape of an array does not fit the system that receives it."""


class ParameterError(DynplugError, ValueError):
    """An argument of a part of a model, or of a loss or task, has an invalid value or shape.

    For arguments of runners, trainers, observers, functions and commands see `OptionError`.
    """


class EquationError(DynplugError, ValueError):
    """An equation given as text has a syntax error, an unknown name or inconsistent units."""


class OptionError(DynplugError, ValueError):
    """An argument of a runner, trainer, observer, function or command has an invalid value.

    For arguments of a model's parts see `ParameterError`.
    """


class ArgumentError(DynplugError, TypeError):
    """A function or constructor was given an unknown keyword argument."""


class StateError(DynplugError, TypeError):
    """The structure, shapes or dtypes of a state change from one step to the next."""


class CompositionError(DynplugError, TypeError):
    """`>>` or `Sequential` was given something that is not a system, or a system was called like a function."""


class AlgebraicLoopError(DynplugError, ValueError):
    """Populations of a network would depend on their own output within a step, as a cycle has no delay."""


class NetworkMemoryError(DynplugError, MemoryError):
    """The connections of a network would take more memory than there is."""


class PlasticityError(DynplugError, TypeError):
    """A derivative was asked through weights that spikes change."""


class KeyRequiredError(DynplugError, ValueError):
    """A stochastic system, connector or initializer was used without a random key."""


class TracedError(DynplugError, TypeError):
    """A function that JAX traces makes something that only the host can make, such as random connections."""


class IntegratorError(DynplugError, TypeError):
    """A solver cannot advance an ordinary differential equation by single steps."""


class UnknownNameError(DynplugError, LookupError):
    """There is no component, option or metric of this name."""


class UnknownPathError(DynplugError, LookupError):
    """A path such as `hidden.V` does not exist in a model or its state."""


class DataError(DynplugError, ValueError):
    """Training data are invalid or do not fit the model."""


class DurationError(DynplugError, ValueError):
    """The duration of a run, or its time-varying inputs, is not a whole number of steps."""


class NoTrainableParametersError(DynplugError, ValueError):
    """A trainer was given a model without trainable parameters."""


class DiagnosisError(DynplugError, RuntimeError):
    """A model cannot be diagnosed, because it cannot be run on the batch."""


class NonFiniteError(DynplugError, FloatingPointError):
    """The loss or a gradient became NaN or infinite; the model keeps its last finite parameters."""


class CheckpointError(DynplugError, ValueError):
    """A checkpoint cannot be written, or is missing, damaged, of another format, or of another model.

    **Attributes:** `damaged`, whether the file is missing or incomplete, so that an older one may serve instead;
    `problem`, the message without its `remedy` in Python, which is empty where there is none.
    """

    def __init__(self, problem: str, *, remedy: str = "", damaged: bool = False):
        super().__init__(f"{problem} {remedy}" if remedy else problem)
        self.problem = problem
        self.remedy = remedy
        self.damaged = damaged


class StateDictError(DynplugError, ValueError):
    """Saved arrays do not match the tree into which they are loaded.

    **Attributes:** `missing`, the paths of the tree without a saved array; `unexpected`, the paths of saved arrays that
    the tree lacks; `differing`, a `(path, saved, present)` for each array of another shape or dtype; `problem`, the
    message without what to do.
    """

    def __init__(self, tree: str, missing: list[str], unexpected: list[str], differing: list[Any]):
        self.problem = f"The saved arrays do not match this {tree}: {disagreement(missing, unexpected, differing)}"
        super().__init__(f"{self.problem} {against_disagreement(differing)}")
        self.missing = missing
        self.unexpected = unexpected
        self.differing = differing


class NotPicklableError(DynplugError, PicklingError):
    """A trainer cannot be pickled, and so cannot be sent to another process."""


class DeviceError(DynplugError, RuntimeError):
    """No device of the requested kind is available, or arrays are on devices that are not used."""


class ConfigError(DynplugError, ValueError):
    """A configuration cannot be read, or one of its keys is unknown or has an invalid value.

    **Attributes:** `path`, the key at fault, such as `model.hidden.tau`, or empty; `problem`, the message without it.
    """

    def __init__(self, problem: str, path: str = ""):
        super().__init__(f"{path}: {problem}" if path else problem)
        self.problem = problem
        self.path = path


class PluginError(DynplugError, ImportError):
    """A plugin, or one of its components, cannot be used."""


class MissingPackageError(DynplugError, ImportError):
    """A component needs a package that is not installed."""


class ConformanceError(DynplugError, AssertionError):
    """A component violates the contract of its kind."""


class NonFiniteWarning(UserWarning):
    """A state or an output became NaN; results are kept and are NaN wherever they depend on it."""


class ZeroGradientWarning(UserWarning):
    """The gradient of a trained parameter is always zero: the loss does not depend on it, or units are silent."""


class DiagnosisWarning(UserWarning):
    """After the first epoch of a training, the activity of the model looks wrong; training goes on."""


class DataWarning(UserWarning):
    """The data differ from those with which training began; training continues."""


class CheckpointWarning(UserWarning):
    """A checkpoint lacks something that was expected of it; everything else was loaded."""


class RecompilationWarning(UserWarning):
    """Many programs were compiled where one would suffice."""


class PluginWarning(UserWarning):
    """A plugin was set aside, or a name means another component; everything else keeps working."""


class SpikingWarning(UserWarning):
    """Neurons spike in nearly every step, or never although they are driven: most often an error in units."""


class KernelWarning(UserWarning):
    """A recurrence was to be one kernel of a GPU, and runs as a scan, with the same results and more slowly."""


class PortabilityWarning(UserWarning):
    """A saved model can only be loaded in a process that registers the same component by hand."""


def nearest(name: object, known: Iterable[str]) -> str:
    """The hint for an unknown `name`, be it a text or not: the closest known name, or else all known names."""
    known = sorted(set(known))
    close = get_close_matches(str(name).casefold(), [k.casefold() for k in known], n=1, cutoff=0.6)
    if close:
        return f"Did you mean {next(k for k in known if k.casefold() == close[0])!r}?"
    return f"Known: {', '.join(known)}." if known else "There is none."


def _close(path: str, known: Iterable[str]) -> str:
    close = get_close_matches(path, list(known), n=1, cutoff=0.6)
    return f" (is it {close[0]}?)" if close else ""


def disagreement(missing: list[str], unexpected: list[str], differing: list[Any]) -> str:
    """A description of how saved arrays differ from the present ones."""
    parts = [*map(str, differing), *(f"missing {path}" for path in missing)]
    parts += [f"unexpected {path}{_close(path, missing)}" for path in unexpected]
    more = f"; and {len(parts) - _SHOWN} more" if len(parts) > _SHOWN else ""
    saved = " (saved value first)" if differing else ""
    return f"{'; '.join(parts[:_SHOWN])}{more}{saved}."


def against_disagreement(differing: list[Any]) -> str:
    """The remedy for arrays that differ, in Python."""
    cast = ", and cast=True converts dtypes" if any(_of_another_dtype(*one) for one in differing) else ""
    return f"Build it as it was saved; or strict=False loads what fits and reports the rest{cast}."


def _of_another_dtype(path: str, saved: Any, present: Any) -> bool:
    """Whether two arrays, described as `float32[3]`, have the same shape but different dtypes."""
    (_, shape, rest), (_, _, other) = str(saved).partition("["), str(present).partition("[")
    return bool(shape) and rest == other
