"""Options of trainers, read and checked."""

from typing import Any

import numpy as np

from dynplug.errors import OptionError


def positive(name: str, value: Any, *, least: int = 1) -> int:
    """A whole number as given, or `OptionError`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise OptionError(f"{name}={value!r} must be a whole number, {least} or more.")
    return int(value)


def seed_of(seed: int | None) -> int:
    """A seed as given, or for `None` one that the operating system draws."""
    if seed is None:
        return int(np.random.SeedSequence().generate_state(1)[0] >> 1)
    return positive("seed", seed, least=0)
