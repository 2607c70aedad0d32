"""What a spike does to the membrane potential."""

from typing import Any, Literal, Protocol, get_args, runtime_checkable

import equinox as eqx
import jax
from jaxtyping import Array, Float

from dynplug.core import Parameter
from dynplug.errors import OptionError, nearest
from dynplug.surrogates import Surrogate

Reset = Literal["value", "subtract"]


def reset_field() -> Any:
    """The field `reset`: `"value"` sets the potential to `V_reset`, `"subtract"` lowers it by `V_th - V_reset`."""
    return eqx.field(default="value", static=True, converter=_known)


@runtime_checkable
class Resetting(Protocol):
    """A neuron that spikes at a threshold and is then reset."""

    @property
    def surrogate(self) -> Surrogate: ...
    @property
    def V_th(self) -> Parameter: ...
    @property
    def V_reset(self) -> Parameter: ...
    @property
    def reset(self) -> Reset: ...
    @property
    def detach_reset(self) -> bool: ...


def fire(
    neuron: Resetting, V: Float[Array, "*size"], threshold: Any
) -> tuple[Float[Array, "*size"], Float[Array, "*size"]]:
    """The potential after the spikes at a threshold, and the spikes.

    Gradients flow through what a spike does to the potential, unless `detach_reset`.
    """
    spike = neuron.surrogate(V - threshold)
    s = jax.lax.stop_gradient(spike) if neuron.detach_reset else spike
    if neuron.reset == "subtract":
        return V - s * (neuron.V_th - neuron.V_reset), spike
    return (1.0 - s) * V + s * neuron.V_reset, spike


def _known(reset: str) -> str:
    if reset not in get_args(Reset):
        raise OptionError(f"reset={reset!r} is no way to reset. {nearest(reset, get_args(Reset))}")
    return reset
