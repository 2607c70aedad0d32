"""Trials of sweeps as jobs of SLURM.

The class loads on first use: dynplug imports this package to read its hooks, and that must not import JAX.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dynplug_submitit.submitit_launcher import Submitit as Submitit

__all__ = ["Submitit"]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module(f"{__name__}.submitit_launcher"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
