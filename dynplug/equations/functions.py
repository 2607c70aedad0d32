"""The operators and functions of equations, with their rules for units."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from typing import Any

import numpy as np
from scipy.special import expit, exprel, softmax

from dynplug.equations.units import PURE, Unit, apart
from dynplug.errors import EquationError

Units = Sequence[Unit | None]
"""The units of arguments; `None` for a zero, which is compatible with any."""


@dataclass(frozen=True)
class Function:
    """An operator or function of equations.

    **Attributes:** `value`; `unit`, the unit of the result given those of the arguments; the numbers of
    arguments `least` and `most`.
    """

    value: Callable[..., Any]
    unit: Callable[[Units], Unit | None]
    least: int = 1
    most: int = 1


def pure(units: Units) -> Unit:
    """Arguments and value are pure numbers."""
    for unit in units:
        if unit is not None and not unit.same(PURE):
            raise EquationError(f"the argument is in {unit}, but must be a pure number")
    return PURE


def alike(units: Units) -> Unit | None:
    """All arguments and the value have the same unit."""
    known = [unit for unit in units if unit is not None]
    for unit in known[1:]:
        if not unit.same(known[0]):
            raise EquationError(f"the units are {apart(known[0], unit)}, but must be the same")
    return known[0] if known else None


def compared(units: Units) -> Unit:
    """Both arguments have the same unit."""
    alike(units)
    return PURE


def chosen(units: Units) -> Unit | None:
    """Both values to choose from have the same unit."""
    return alike(units[1:])


def root(units: Units) -> Unit | None:
    """The square root."""
    return None if units[0] is None else units[0] ** Fraction(1, 2)


def product(units: Units) -> Unit | None:
    """The product; zero times anything is zero."""
    return None if None in units else units[0] * units[1]  # pyright: ignore[reportOptionalOperand, reportOperatorIssue]


def ratio(units: Units) -> Unit | None:
    """The ratio."""
    return None if None in units else units[0] / units[1]  # pyright: ignore[reportOptionalOperand, reportOperatorIssue]


OPERATORS = {
    "+": Function(np.add, alike, 2, 2),
    "-": Function(np.subtract, alike, 2, 2),
    "*": Function(np.multiply, product, 2, 2),
    "/": Function(np.divide, ratio, 2, 2),
    "**": Function(np.power, pure, 2, 2),  # with a number as exponent: see `Power`
    "@": Function(lambda matrix, vector: vector @ np.asarray(matrix).T, product, 2, 2),
    "negative": Function(np.negative, alike),
    "<": Function(np.less, compared, 2, 2),
    "<=": Function(np.less_equal, compared, 2, 2),
    ">": Function(np.greater, compared, 2, 2),
    ">=": Function(np.greater_equal, compared, 2, 2),
    "and": Function(lambda *values: reduce(np.logical_and, values), pure, 2, 9),
}


def _matrix(values: Any, row: object, column: object, n: Any, m: Any) -> np.ndarray:
    filled = np.zeros((int(n), int(m)))
    np.add.at(filled, (np.asarray(row, int), np.asarray(column, int)), values)
    return filled


_ARRAYS = {  # of identities; a vector may have points as its first axis
    "mean": Function(np.mean, alike),
    "std": Function(np.std, alike),
    "sum": Function(lambda a: np.sum(a, axis=-1), alike),
    "floor": Function(np.floor, pure),
    "sigmoid": Function(expit, pure),
    "softmax": Function(lambda a: softmax(a, axis=-1), pure),
    "best": Function(lambda a: np.eye(a.shape[-1])[np.argmax(a, axis=-1)], pure),  # 1 at the greatest, else 0
    "concat": Function(lambda *parts: np.concatenate(parts, axis=-1), alike, 2, 9),
    "part": Function(lambda a, k, n: np.split(a, int(n), axis=-1)[int(k) - 1], lambda units: units[0], 3, 3),
    "matrix": Function(_matrix, lambda units: units[0], 5, 5),  # of n by m, with values at (row, column)
    "radius": Function(lambda a: np.max(np.abs(np.linalg.eigvals(a))), alike),  # of a matrix, the spectral one
}

_PURE = (np.exp, np.expm1, np.log, np.log1p, np.tanh, np.sinh, np.cosh, np.sin, np.cos)

FUNCTIONS = {
    **{f.__name__: Function(f, pure) for f in _PURE},
    "exprel": Function(exprel, pure),  # (exp(x) - 1) / x, and 1 at 0
    "sqrt": Function(np.sqrt, root),
    "abs": Function(np.abs, alike),
    "min": Function(lambda *values: reduce(np.minimum, values), alike, 2, 9),
    "max": Function(lambda *values: reduce(np.maximum, values), alike, 2, 9),
    "clip": Function(np.clip, alike, 3, 3),
    "where": Function(np.where, chosen, 3, 3),
    **_ARRAYS,
}
