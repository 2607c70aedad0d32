"""Checks of the numbers of a rule, and of the weights that it is given."""

import dataclasses

import numpy as np
from jax.core import Tracer
from jax.typing import ArrayLike

from dynplug.core import check_parameters
from dynplug.errors import ParameterError
from dynplug.plasticity.rule import Plasticity

_ROUNDING = 1e-6


def check_rule(rule: Plasticity) -> None:
    """Raise `ParameterError` for parameters that are no numbers, or bounds that leave nothing between them."""
    check_parameters(rule)
    for field in dataclasses.fields(rule):
        value = getattr(rule, field.name)
        if not isinstance(value, bool) and np.ndim(value):
            raise ParameterError(
                f"{type(rule).__name__}({field.name}=...) takes one number for all connections; got an array of shape "
                f"{np.shape(value)}."
            )
    low, high = rule.w_min, rule.w_max
    if not isinstance(low, Tracer) and not isinstance(high, Tracer) and not low < high:
        raise ParameterError(f"{type(rule).__name__}: w_min must be below w_max; got {low} and {high}.")


def check_weights(name: str, rule: Plasticity, weight: ArrayLike, positive: bool) -> None:
    """Raise `ParameterError` for weights outside of the bounds of their rule.

    **Arguments:**

    - `name`: of the projection, for messages.
    - `rule`: its plasticity.
    - `weight`: the weights with which it begins.
    - `positive`: whether they may not become negative, as magnitudes and conductances.
    """
    low, high = rule.w_min, rule.w_max
    if any(isinstance(value, Tracer) for value in (low, high, weight)):
        return
    given, kind = np.asarray(weight), type(rule).__name__
    rounding = _ROUNDING * max(abs(low), abs(high))  # 0.3 is more in single than in double precision
    if given.size and not (np.min(given) >= low - rounding and np.max(given) <= high + rounding):
        raise ParameterError(
            f"{name}: weights from {np.min(given):g} to {np.max(given):g} are outside of the bounds of its {kind}, "
            f"{low:g} to {high:g}: change w_min and w_max, which are in the unit of the weights, or the weights."
        )
    if positive and low < 0:
        raise ParameterError(
            f"{name}: its {kind} lets weights become negative, w_min={low:g}, but magnitudes of a projection with a "
            "`sign`, and conductances, are not: give w_min=0.0."
        )
