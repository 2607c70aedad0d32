"""Resonate-and-fire neurons and a multi-Gaussian surrogate derivative, a plugin of dynplug.

Both classes load on first use: dynplug imports this package to read its hooks, and that must not import JAX.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dynplug_resonate.multi_gaussian import MultiGaussian as MultiGaussian
    from dynplug_resonate.resonate_and_fire import ResonateAndFire as ResonateAndFire

__all__ = ["MultiGaussian", "ResonateAndFire"]


def __getattr__(name: str) -> Any:
    if name == "MultiGaussian":
        from dynplug_resonate.multi_gaussian import MultiGaussian

        return MultiGaussian
    if name == "ResonateAndFire":
        from dynplug_resonate.resonate_and_fire import ResonateAndFire

        return ResonateAndFire
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
