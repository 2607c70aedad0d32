"""What a spike does to the membrane potential."""

from typing import Any, Literal, get_args

import equinox as eqx
import jax
from jaxtyping import Array, Float

from dynplug.core import Parameter
from dynplug.errors import OptionError, nearest

Reset = Literal["value", "subtract"]


def reset_field() -> Any:
    """The field `reset`: `"value"` sets the potential to `V_reset`, `"subtract"` lowers it by `V_th - V_reset`."""
    return eqx.field(default="value", static=True, converter=_known)


def reset_potential(
    V: Float[Array, "*size"],
    spike: Float[Array, "*size"],
    *,
    V_th: Parameter,
    V_reset: Parameter,
    reset: Reset,
    detach: bool,
) -> Float[Array, "*size"]:
    """The potential after the spikes. Gradients flow through the spikes unless `detach`."""
    s = jax.lax.stop_gradient(spike) if detach else spike
    if reset == "subtract":
        return V - s * (V_th - V_reset)
    return (1.0 - s) * V + s * V_reset


def _known(reset: str) -> str:
    if reset not in get_args(Reset):
        raise OptionError(f"reset={reset!r} is no way to reset. {nearest(reset, get_args(Reset))}")
    return reset
