"""The reset of the membrane potential by a spike."""

from copy import deepcopy
from typing import Any, Literal, Protocol, TypeVar, get_args, runtime_checkable

import equinox as eqx
import jax
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float, Int, PyTree

from dynplug.core import Context, Neuron, Parameter, check_parameters
from dynplug.errors import ParameterError, nearest
from dynplug.neurons.refractory import count
from dynplug.surrogates import Surrogate

Reset = Literal["value", "subtract"]

Value = TypeVar("Value")


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
    @property
    def tau_ref(self) -> Parameter: ...


def fire(
    neuron: Resetting, old: PyTree, V: Float[Array, "*size"], threshold: Parameter, ctx: Context
) -> tuple[Float[Array, "*size"], Float[Array, "*size"], Int[Array, "*size"] | None]:
    """The potential after resets, the spikes, and the refractory steps left, at a threshold.

    Gradients flow through the reset, unless `detach_reset`.
    """
    spike, left = count(neuron, old.refractory, neuron.surrogate(V - threshold), ctx)
    s = jax.lax.stop_gradient(spike) if neuron.detach_reset else spike
    if neuron.reset == "subtract":
        return V - s * (neuron.V_th - neuron.V_reset), spike, left
    return (1.0 - s) * V + s * neuron.V_reset, spike, left


def unless_given(V_reset: Value | None, V_rest: Value) -> Value:
    """`V_reset`, or by default `V_rest`; an array is copied, as the two may be trained separately."""
    return deepcopy(V_rest) if V_reset is None else V_reset


def check_reset(neuron: Neuron, lower: str = "V_reset") -> None:
    """Raise `ParameterError` if the reset of a neuron does not lead below its threshold.

    Traced values are not known, and pass; wrong shapes and what is no number are refused first.
    """
    check_parameters(neuron)
    low, high = getattr(neuron, lower), neuron.V_th  # pyright: ignore[reportAttributeAccessIssue]
    if any(isinstance(v, Tracer) for v in (low, high)):
        return
    low, high = (np.broadcast_to(np.asarray(v), neuron.size) for v in (low, high))
    wrong = np.argwhere(low >= high)
    if len(wrong):
        unit = tuple(wrong[0].tolist())
        first = "" if len(wrong) == low.size else f" at {len(wrong)} of {low.size} units, the first of them {unit}"
        raise ParameterError(
            f"{type(neuron).__name__}({lower}={low[unit]:g} mV, V_th={high[unit]:g} mV){first}: a spike would leave "
            "the potential at its threshold or above, and the next step would spike again. Give a "
            f"{lower} below V_th, or raise V_th."
        )


def _known(reset: str) -> str:
    if reset not in get_args(Reset):
        raise ParameterError(f"Unknown reset mode {reset!r}. {nearest(reset, get_args(Reset))}")
    return reset
