"""The equations of a soma as text, put together from those of its channels and ions."""

import dataclasses
import re
from collections.abc import Mapping

from dynplug_conductance.channels.base import Channel
from dynplug_conductance.channels.ions import Ions

Texts = dict[str, str]


def equations_of(channels: Mapping[str, Channel], ions: Ions) -> tuple[Texts, Texts]:
    """The equations and definitions of a soma, whose names are paths such as `gates.Na.m` and `channels.Na.g`.

    There are none where one of the channels states none.
    """
    if not all("I" in channel.definitions for channel in channels.values()):
        return {}, {}
    outward = " + ".join(f"{name}.I" for name in channels)
    calcium = " + ".join(f"{name}.I" for name, channel in channels.items() if channel.carries_calcium)
    of_ions = _names(ions, "ions") | {name: f"ions.{name}" for name in ions.definitions}
    equations = {
        "V": f"(-({outward or '0'}) + I[µA/cm²]) / C",
        "Ca": _renamed(ions.equations["Ca"], of_ions | {"I_Ca": f"({calcium or '0'})"}),
    }
    definitions: Texts = {}
    for name, channel in channels.items():
        known = of_ions | _names(channel, f"channels.{name}")
        known |= {gate: f"gates.{name}.{gate}" for gate in channel.equations}
        known |= {defined: f"{name}.{defined}" for defined in channel.definitions}
        equations |= {known[gate]: _renamed(text, known) for gate, text in channel.equations.items()}
        definitions |= {known[defined]: _renamed(text, known) for defined, text in channel.definitions.items()}
    of_ions_used = {of_ions[name]: _renamed(text, of_ions) for name, text in ions.definitions.items()}
    used = " ".join(definitions.values())
    return equations, definitions | {name: text for name, text in of_ions_used.items() if name in used}


def _names(part: Channel | Ions, path: str) -> Texts:
    """The paths of a part's parameters."""
    return {field.name: f"{path}.{field.name}" for field in dataclasses.fields(part)}


def _renamed(text: str, names: Mapping[str, str]) -> str:
    """A text with other names; units in brackets stay."""
    return re.sub(r"\[[^\]]*\]|[A-Za-z_]\w*", lambda found: names.get(found[0], found[0]), text)
