"""Equations as text: parsed without running them, evaluated by NumPy, and checked for units.

The grammar is that of Python's arithmetic: names, numbers, `+ - * / **`, parentheses, a fixed set of functions, and
comparisons, joined by `and`, as the first argument of `where` and as the condition of a spike. A number may have a unit
in brackets, as in `40[mV]`, and so may the drive's current, as in `I[mV/ms]`; any other number is pure. Identities of
arrays also have the product `matrix @ vector`, and functions such as `mean`, `std` and `softmax`.
"""

from dynplug.equations.expression import Node as Node
from dynplug.equations.grammar import parse as parse, parse_condition as parse_condition, parse_unit as parse_unit
from dynplug.equations.stated import (
    BEFORE as BEFORE,
    SPIKE as SPIKE,
    WEIGHT as WEIGHT,
    Stated as Stated,
    after_event as after_event,
    after_spike as after_spike,
    at_start as at_start,
    derivative as derivative,
    read as read,
)
from dynplug.equations.units import NANOAMPERE as NANOAMPERE, PURE as PURE, Unit as Unit
