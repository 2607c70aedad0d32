"""Hyperparameters of sweeps chosen by Optuna.

The class loads on first use: dynplug imports this package to read its hooks, and that must not import JAX.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dynplug_optuna.optuna_sampler import Optuna as Optuna

__all__ = ["Optuna"]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module(f"{__name__}.optuna_sampler"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
