"""Checks of the arguments that edges share."""

from typing import Any

import numpy as np
from jax.core import Tracer

from dynplug.core import Parameter, check_number
from dynplug.errors import ParameterError


def as_names(targets: Any) -> tuple[str, ...]:
    """One name or several, as a tuple."""
    names = (targets,) if isinstance(targets, str) else tuple(targets)
    if not names or not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise ParameterError(f"An edge takes the name of its target, or different names in a list; got {targets!r}.")
    return names


def check_ends(kind: str, source: Any, delay: Any) -> None:
    """Refuse a source that is no name, and a negative delay."""
    if not isinstance(source, str):
        raise ParameterError(f"{kind}: the source is a population's name; got {source!r}.")
    if delay is not None and not callable(delay):
        check_number(f"{kind}: delay [ms]", delay.data if hasattr(delay, "tocsr") else delay, least=0.0)


def known_values(name: str, weight: Parameter) -> np.ndarray | None:
    """Weights as far as they are known, which traced ones are not.

    **Raises:** `ParameterError` for weights that are not finite.
    """
    if isinstance(weight, Tracer):
        return None
    values = np.asarray(weight)
    if not np.all(np.isfinite(values)):
        raise ParameterError(f"{name}: weights must be finite.")
    return values
