"""Distributions of the values of one hyperparameter."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from dynplug.core import is_whole
from dynplug.errors import ConfigError

_LEAST = -(2**63)  # of the integers of TOML


class Distribution(ABC):
    """The values that a hyperparameter may have. Implementing one: `at` and `values`."""

    @abstractmethod
    def at(self, share: float) -> Any:
        """The value below which a share of the probability lies, from 0 up to, but not, 1."""

    @abstractmethod
    def values(self) -> Sequence[object] | None:
        """All values, in order; `None` where there is a continuum of them."""


@dataclass(frozen=True)
class Choice(Distribution):
    """One of some values, each as likely as the others. `log` says that numbers among them are read on a log scale.

    ```python
    tau = dp.search.Choice((5.0, 10.0, 20.0))
    assert tau.at(0.0) == 5.0 and tau.at(0.99) == 20.0
    ```
    """

    options: tuple[object, ...]
    log: bool = False

    def at(self, share: float) -> Any:
        return self.options[int(share * len(self.options))]

    def values(self) -> list[object]:
        return list(self.options)


@dataclass(frozen=True)
class Uniform(Distribution):
    """A number between two others; with `log` its logarithm is uniform.

    ```python
    rate = dp.search.Uniform(1e-4, 1e-2, log=True)
    assert np.isclose(rate.at(0.5), 1e-3)     # half of the probability lies below
    ```
    """

    low: float
    high: float
    log: bool = False

    def at(self, share: float) -> float:
        if not self.log:
            return self.low + share * (self.high - self.low)
        value = self.low * (self.high / self.low) ** share
        return min(max(value, self.low), self.high)  # what rounding puts outside

    def values(self) -> None:
        return None


@dataclass(frozen=True)
class Int(Distribution):
    """A whole number, both bounds included.

    ```python
    seed = dp.search.Int(0, 7)
    assert seed.at(0.0) == 0 and seed.at(0.99) == 7
    ```
    """

    low: int
    high: int

    def at(self, share: float) -> int:
        return self.low + int(share * (self.high - self.low + 1))

    def values(self) -> list[int]:
        return list(range(self.low, self.high + 1))


def choice(values: Sequence[object], path: str) -> Choice:
    """One of a list of values. **Raises:** `ConfigError` for an empty list, or one that holds a value twice."""
    if not values:
        raise ConfigError("is an empty list: give the values to try, such as [5.0, 10.0, 20.0].", path)
    if twice := [value for n, value in enumerate(values) if value in values[:n]]:
        raise ConfigError(f"holds {twice[0]!r} twice: each value is tried once.", path)
    return Choice(tuple(values))


def uniform(values: Sequence[object], path: str) -> Uniform:
    """A number between a low and a high one."""
    low, high = _ordered(values, path, "uniform", 2)
    return Uniform(float(low), float(high))


def loguniform(values: Sequence[object], path: str) -> Uniform:
    """The same on a scale of logarithms."""
    low, high = _positive(_ordered(values, path, "loguniform", 2), path, "loguniform")
    return Uniform(float(low), float(high), log=True)


def integers(values: Sequence[object], path: str) -> Int:
    """A whole number from a low to a high one."""
    low, high = _ordered(values, path, "int", 2)
    if not (is_whole(low, _LEAST) and is_whole(high, _LEAST)):
        raise ConfigError(f"int = {[low, high]}: both must be whole numbers.", path)
    return Int(int(low), int(high))


def linspace(values: Sequence[object], path: str) -> Choice:
    """Evenly spaced numbers, as a list of values."""
    low, high, number = _ordered(values, path, "linspace", 3)
    return Choice(tuple(np.linspace(low, high, _number(number, path, "linspace")).tolist()))


def geomspace(values: Sequence[object], path: str) -> Choice:
    """Numbers each the same multiple of the one before, as a list of values."""
    low, high, number = _positive(_ordered(values, path, "geomspace", 3), path, "geomspace")
    return Choice(tuple(np.geomspace(low, high, _number(number, path, "geomspace")).tolist()), log=True)


FORMS = {
    "choice": choice,
    "uniform": uniform,
    "loguniform": loguniform,
    "int": integers,
    "linspace": linspace,
    "geomspace": geomspace,
}
"""The distributions by the keys of their tables, as `{ uniform = [5.0, 20.0] }`; a bare list is a choice."""


def _ordered(values: Sequence[Any], path: str, name: str, length: int) -> Sequence[Any]:
    numbers = all(isinstance(v, Real) and not isinstance(v, bool) and math.isfinite(v) for v in values)
    if len(values) != length or not numbers or not values[0] < values[1]:
        form = "[low, high, number of values]" if length == 3 else "[low, high]"
        raise ConfigError(f"{name} = {list(values)}: give {form}, finite numbers with low < high.", path)
    return values


def _positive(values: Sequence[int | float], path: str, name: str) -> Sequence[int | float]:
    if values[0] <= 0:
        raise ConfigError(f"{name} = {list(values)}: the numbers must be above 0, as they have logarithms.", path)
    return values


def _number(number: object, path: str, name: str) -> int:
    if not is_whole(number, 2):
        raise ConfigError(f"{name}: the number of values must be a whole number, 2 or more; got {number!r}.", path)
    return int(number)
