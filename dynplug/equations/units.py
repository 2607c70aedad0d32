"""Units: products of powers of symbols, compared in terms of the SI."""

import math
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from dynplug.errors import EquationError, nearest

# The power of ten, and the exponents of m, kg, s, A, K and mol.
_SYMBOLS: dict[str, tuple[int, tuple[int, ...]]] = {
    "m": (0, (1, 0, 0, 0, 0, 0)),
    "g": (-3, (0, 1, 0, 0, 0, 0)),
    "s": (0, (0, 0, 1, 0, 0, 0)),
    "A": (0, (0, 0, 0, 1, 0, 0)),
    "K": (0, (0, 0, 0, 0, 1, 0)),
    "mol": (0, (0, 0, 0, 0, 0, 1)),
    "V": (0, (2, 1, -3, -1, 0, 0)),
    "Ω": (0, (2, 1, -3, -2, 0, 0)),
    "ohm": (0, (2, 1, -3, -2, 0, 0)),
    "S": (0, (-2, -1, 3, 2, 0, 0)),
    "F": (0, (-2, -1, 4, 2, 0, 0)),
    "C": (0, (0, 0, 1, 1, 0, 0)),
    "J": (0, (2, 1, -2, 0, 0, 0)),
    "Hz": (0, (0, 0, -1, 0, 0, 0)),
    "L": (-3, (3, 0, 0, 0, 0, 0)),
    "M": (3, (-3, 0, 0, 0, 0, 1)),
    "degC": (0, (0, 0, 0, 0, 1, 0)),  # °C, for differences of temperatures: without the offset of 273.15 K
    "rad": (0, (0, 0, 0, 0, 0, 0)),
}
_PREFIXES = {"p": -12, "n": -9, "μ": -6, "u": -6, "m": -3, "c": -2, "k": 3, "M": 6, "G": 9}


@dataclass(frozen=True)
class Unit:
    """A product of powers of symbols, such as `mV/ms`."""

    powers: Mapping[str, Fraction]

    def __mul__(self, other: "Unit") -> "Unit":
        both = {**self.powers, **other.powers}
        sums = {s: self.powers.get(s, Fraction()) + other.powers.get(s, Fraction()) for s in both}
        return Unit({symbol: power for symbol, power in sums.items() if power})

    def __pow__(self, exponent: Fraction) -> "Unit":
        return Unit({symbol: power * exponent for symbol, power in self.powers.items() if exponent})

    def __truediv__(self, other: "Unit") -> "Unit":
        return self * other ** Fraction(-1)

    @property
    def ten(self) -> float:
        """The power of ten that converts it to the SI."""
        return float(sum(power * _known(symbol)[0] for symbol, power in self.powers.items()))

    @property
    def dimension(self) -> tuple[Fraction, ...]:
        """The exponents of m, kg, s, A, K and mol."""
        rows = [[power * n for n in _known(symbol)[1]] for symbol, power in self.powers.items()]
        return tuple(sum(column, Fraction()) for column in zip(*rows, (0,) * 6, strict=True))

    def same(self, other: "Unit") -> bool:
        """Whether the units are equal, though perhaps written differently."""
        return self.dimension == other.dimension and math.isclose(self.ten, other.ten, abs_tol=1e-9)

    def __str__(self) -> str:
        over = " ".join(_power(s, p) for s, p in self.powers.items() if p > 0)
        under = "".join(f"/{_power(s, -p)}" for s, p in self.powers.items() if p < 0)
        return f"[{over or '1'}{under}]"


PURE = Unit({})
NANOAMPERE = Unit({"nA": Fraction(1)})
MILLISECOND = Unit({"ms": Fraction(1)})
MILLIVOLT = Unit({"mV": Fraction(1)})


def symbol(name: str) -> Unit:
    """The unit with this symbol, which may include a prefix."""
    _known(unicodedata.normalize("NFKC", name))
    return Unit({name: Fraction(1)})


def apart(a: Unit, b: Unit) -> str:
    """The difference of two units, in words."""
    if a.dimension != b.dimension:
        return f"{a} and {b}"
    return f"{a} and {b}, which differ by a factor of {10 ** abs(a.ten - b.ten):g}"


def _known(name: str) -> tuple[int, tuple[int, ...]]:
    name = unicodedata.normalize("NFKC", name)  # a single character for micro, and for ohm
    if name in _SYMBOLS:
        return _SYMBOLS[name]
    if name[:1] in _PREFIXES and name[1:] in _SYMBOLS:
        ten, dimension = _SYMBOLS[name[1:]]
        return _PREFIXES[name[0]] + ten, dimension
    raise EquationError(f"Unknown unit {name!r}. {nearest(name, _SYMBOLS)}")


def _power(symbol: str, power: Fraction) -> str:
    symbol = symbol.replace("degC", "°C")
    return symbol if power == 1 else f"{symbol}^{power}"
