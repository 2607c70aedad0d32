"""Values of a configuration that no component has to expect: all can be computed with, copied and written again."""

import math
import re
import tomllib
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import numpy as np

from dynplug.errors import ConfigError

DEPTH = 40  # tables and lists within each other; what goes through them calls itself some times for each
_INTEGERS = range(-(2**63), 2**63)  # of TOML
_DIGITS = 1000  # more than any number has; Python refuses to read numbers of more than 4300
_SHOWN = 20


class _TooLarge(str):
    """The text of a number that a double cannot hold."""


def loads(text: str) -> dict[str, Any]:
    """Read TOML; numbers that are too large are left for `check`, which knows where they stand.

    **Raises:** `tomllib.TOMLDecodeError`; `RecursionError` where the text is nested too deeply to be read.
    """
    try:
        return tomllib.loads(text, parse_float=_float)
    except tomllib.TOMLDecodeError:
        raise
    except ValueError:  # Python reads no integer of so many digits
        shorter = re.sub(rf"(\d[\d_]{{{_DIGITS - 2}}}\d)[\d_]*", r"\1", text)
        return tomllib.loads(shorter, parse_float=_float)


def plain(values: object) -> Any:
    """A copy of a value, or of tables and lists of some, in which NumPy's numbers are Python's, as TOML has them."""
    if isinstance(values, np.generic):
        return values.item()
    if isinstance(values, Mapping):
        return {name: plain(value) for name, value in values.items()}
    return [*map(plain, values)] if isinstance(values, list) else deepcopy(values)


def by_path(values: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """The values of tables within each other, by their paths, such as `model.hidden.tau`."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        path = f"{above}.{name}" if above else name
        found |= by_path(value, path) if isinstance(value, Mapping) else {path: value}
    return found


def check(values: object, path: str = "") -> None:
    """Refuse tables and lists that are nested too deeply, and numbers that are too large. It does not recurse.

    **Raises:** `ConfigError` with the path of the value.
    """
    waiting = [(path, 0, values)]
    while waiting:
        at, depth, value = waiting.pop()
        if depth > DEPTH:
            raise ConfigError(f"It is nested too deeply: tables and lists may stand {DEPTH} within each other.", at)
        if isinstance(value, dict):
            below = [(f"{at}.{name}" if at else str(name), depth + 1, one) for name, one in value.items()]
            waiting += reversed(below)
        elif isinstance(value, list):
            waiting += reversed([(f"{at}[{n}]", depth + 1, one) for n, one in enumerate(value)])
        elif isinstance(value, _TooLarge):
            raise ConfigError(f"{_cut(value)} is no double: its magnitude must be below 1.8e308. For infinity: inf", at)
        elif isinstance(value, int) and value not in _INTEGERS:
            raise ConfigError(f"{_cut(str(value))} is no integer of 64 bits, from -2**63 to 2**63 - 1.", at)


def _float(text: str) -> float | str:
    value = float(text)
    return _TooLarge(text) if math.isinf(value) and "inf" not in text else value


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
