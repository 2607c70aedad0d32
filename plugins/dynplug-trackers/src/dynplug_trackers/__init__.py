"""Observers that send the metrics of a training to programs that people look at them in, a plugin of dynplug.

All load on first use: dynplug imports this package to read its hooks, and that must cost nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dynplug_trackers.event_files import TensorBoard as TensorBoard
    from dynplug_trackers.tracked_by_mlflow import MLflow as MLflow
    from dynplug_trackers.tracked_by_wandb import WandB as WandB
    from dynplug_trackers.tracker import Tracker as Tracker

__all__ = ["MLflow", "TensorBoard", "Tracker", "WandB"]

_HOME = {"MLflow": "tracked_by_mlflow", "TensorBoard": "event_files", "Tracker": "tracker", "WandB": "tracked_by_wandb"}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
