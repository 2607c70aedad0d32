"""Modules of Flax, of linen and of nnx, as layers of dynplug.

The class loads on first use: dynplug imports this package to read its hooks, and that must not import JAX.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dynplug_flax.flax_layer import FlaxLayer as FlaxLayer

__all__ = ["FlaxLayer"]


def __getattr__(name: str) -> Any:
    if name == "FlaxLayer":
        from dynplug_flax.flax_layer import FlaxLayer

        return FlaxLayer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
