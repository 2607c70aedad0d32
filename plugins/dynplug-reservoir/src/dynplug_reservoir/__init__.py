"""Reservoir computing, a plugin of dynplug.

All classes load on first use: dynplug imports this package to read its hooks, and that must not import JAX.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dynplug_reservoir.closed_loop import ClosedLoop as ClosedLoop
    from dynplug_reservoir.feedback import Feedback as Feedback
    from dynplug_reservoir.force_trainer import ForceTrainer as ForceTrainer
    from dynplug_reservoir.linear_trainer import LinearTrainer as LinearTrainer
    from dynplug_reservoir.lorenz63 import Lorenz63 as Lorenz63
    from dynplug_reservoir.losses import nrmse as nrmse
    from dynplug_reservoir.nvar import NVAR as NVAR
    from dynplug_reservoir.reservoir import Reservoir as Reservoir
    from dynplug_reservoir.ridge_trainer import RidgeTrainer as RidgeTrainer

_HOME = {
    "ClosedLoop": "closed_loop",
    "Feedback": "feedback",
    "ForceTrainer": "force_trainer",
    "LinearTrainer": "linear_trainer",
    "Lorenz63": "lorenz63",
    "NVAR": "nvar",
    "Reservoir": "reservoir",
    "RidgeTrainer": "ridge_trainer",
    "nrmse": "losses",
}

__all__ = [*_HOME]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
