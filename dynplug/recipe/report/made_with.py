"""The circumstances of a training: model, data, options, duration, versions."""

import platform
import shlex
import sys
from collections.abc import Mapping
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median

import jax
from jaxtyping import PyTree

from dynplug import __version__
from dynplug.core import Sequential
from dynplug.plugin import as_written, registry
from dynplug.recipe.report.epoch_curves import PHASES
from dynplug.recipe.report.reported import Reported
from dynplug.train import Reportable

_PACKAGES = ("jax", "jaxlib", "equinox", "optax", "diffrax", "numpy")


def circumstances(reported: Reported) -> dict[str, object]:
    """The circumstances of the training, by name."""
    runner, trainer, fit = reported.runner, reported.trainer, reported.fit
    sizes = {said: reported.samples(phase) for phase, said in PHASES.items()}
    return {
        "model": _parts(reported.model),
        "command": reported.command,
        "to train it again": reported.again,
        "trained by": f"{type(runner).__name__}, {loss_of(trainer)}, steps of {runner.dt:g} ms",
        "epochs": reported.epoch,
        "steps": "" if trainer.steps is None else trainer.steps,
        "duration": _duration(reported),
        "samples": ", ".join(f"{n:,} {said}" for said, n in sizes.items() if n is not None),
        "batch size": fit.get("batch_size", ""),
        "seed": "" if trainer.seed is None else trainer.seed,
        "device": ", ".join(dict.fromkeys((jax.devices()[0].platform, jax.devices()[0].device_kind))),
        "report written": f"{datetime.now():%Y-%m-%d %H:%M}",
    }


def loss_of(trainer: Reportable) -> str:
    """The name of the loss that was minimised."""
    loss = "its loss" if trainer.loss_fun is None else as_written(trainer.loss_fun)
    named = loss.get("type", "") if isinstance(loss, Mapping) else loss
    return str(named if isinstance(named, str) else getattr(named, "__name__", type(named).__name__)).partition("@")[0]


def seconds(reported: Reported) -> float:
    """The duration of training and testing, as far as the file of metrics tells [s]."""
    return sum((line.get("seconds", 0.0) for line in reported.lines), 0.0)


def in_units(duration: float) -> str:
    """A duration [s] as text in readable units."""
    minutes, rest = divmod(round(duration), 60)
    if not minutes:
        return f"{duration:.1f} s"
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def versions() -> list[tuple[str, str, str]]:
    """The software: name, version, and a remark."""
    found = registry()
    packages = [(name, _version(name), "") for name in _PACKAGES]
    plugins = [(p.distribution, p.version, p.status) for p in found.plugins if p.distribution != "dynplug"]
    own = [("dynplug", __version__, ""), ("Python", platform.python_version(), platform.system())]
    return [*own, *packages, *plugins, ("digest of all components", found.digest(), "")]


def command_line() -> str:
    """The command of dynplug that this process is, if it is one."""
    called = Path(sys.argv[0] if sys.argv else "")
    program = called.parent.name if called.name == "__main__.py" else called.name.removesuffix(".exe")
    return shlex.join(["dynplug", *sys.argv[1:]]) if program == "dynplug" else ""


def _parts(model: PyTree) -> str:
    """The parts of a model in a row, or its class."""
    row = model.named_children() if isinstance(model, Sequential) else []
    return ", ".join(f"{name} {type(part).__name__}" for name, part in row) or type(model).__name__


def _duration(reported: Reported) -> str:
    """The total duration, and that of a later epoch, which compiles nothing."""
    by_epoch: dict[int, float] = {}
    for line in reported.lines:
        by_epoch[line["epoch"]] = by_epoch.get(line["epoch"], 0.0) + line.get("seconds", 0.0)
    if not by_epoch:
        return ""
    first, *later = by_epoch.values()
    each = (
        f": {in_units(first)} for the first epoch, with compilation, and {median(later):.3g} s for a later one"
        if later
        else ""
    )
    return f"{in_units(seconds(reported))} of training and testing{each}"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # not all are needed by all
        return "not installed"
