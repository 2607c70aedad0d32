"""Conductance-based neurons, ion channels and kinetic synapses, a plugin of dynplug.

All classes load on first use: dynplug imports this package to read its hooks, and that must not import JAX.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dynplug_conductance.ampa import AMPA as AMPA
    from dynplug_conductance.channels import (
        CaT as CaT,
        Channel as Channel,
        Ih as Ih,
        Ions as Ions,
        K as K,
        KCa as KCa,
        Leak as Leak,
        Na as Na,
    )
    from dynplug_conductance.gaba_a import GABAA as GABAA
    from dynplug_conductance.gaba_b import GABAB as GABAB
    from dynplug_conductance.mg_block import MgBlock as MgBlock
    from dynplug_conductance.morris_lecar import MorrisLecar as MorrisLecar
    from dynplug_conductance.nmda import NMDA as NMDA
    from dynplug_conductance.pinsky_rinzel import PinskyRinzel as PinskyRinzel
    from dynplug_conductance.soma import Soma as Soma
    from dynplug_conductance.wang_buzsaki import WangBuzsaki as WangBuzsaki

_HOME = {
    **dict.fromkeys(("CaT", "Channel", "Ih", "Ions", "K", "KCa", "Leak", "Na"), "channels"),
    "AMPA": "ampa",
    "GABAA": "gaba_a",
    "GABAB": "gaba_b",
    "MgBlock": "mg_block",
    "MorrisLecar": "morris_lecar",
    "NMDA": "nmda",
    "PinskyRinzel": "pinsky_rinzel",
    "Soma": "soma",
    "WangBuzsaki": "wang_buzsaki",
}

__all__ = [*_HOME]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
