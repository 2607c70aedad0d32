"""Compiled delivery of spikes on CPUs, a plugin of dynplug.

The class loads on first use: dynplug imports this package to read its hooks, and that must not import JAX.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dynplug_kernels.compiled import Compiled as Compiled

__all__ = ["Compiled"]


def __getattr__(name: str) -> Any:
    if name == "Compiled":
        from dynplug_kernels.compiled import Compiled

        return Compiled
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
