"""A soma made of ion channels."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from diffrax import AbstractSolver
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from dynplug import Context, Drive, Neuron, Parameter, as_size, discrete, param
from dynplug.errors import ParameterError
from dynplug.integrators import ExponentialEuler
from dynplug.surrogates import Sigmoid, Surrogate
from dynplug_conductance.channels import CaT, Channel, Gates, Ih, Ions, K, KCa, Leak, Na
from dynplug_conductance.channels.stated import equations_of
from dynplug_conductance.kinetics import crossing

_PROVIDED: dict[str, type[Channel]] = {channel.__name__: channel for channel in (CaT, Ih, K, KCa, Leak, Na)}


class SomaState(eqx.Module):
    """Potential `V` [mV], intracellular calcium `Ca` [µM], the gates of each channel by its name, the last spike."""

    V: Float[Array, "*size"]
    Ca: Float[Array, "*size"]
    gates: Mapping[str, Gates]
    spike: Float[Array, "*size"] | None = discrete()


def _named(given: Mapping[str, Any] | Sequence[Channel]) -> dict[str, Channel]:
    """Channels by name, in the order in which JAX flattens them."""
    if isinstance(given, Mapping):
        return {name: _channel(name, given[name]) for name in sorted(given)}
    if not isinstance(given, Sequence):
        raise ParameterError(f"channels={given!r}: give a list of channels, or a dictionary of them by name.")
    named = {type(channel).__name__: channel for channel in given}
    if len(named) < len(given):
        raise ParameterError(f"Two of {len(given)} channels have the same name: give a dictionary with other names.")
    return {name: _channel(name, named[name]) for name in sorted(named)}


def _channel(name: str, given: object) -> Channel:
    """A channel as given, or the one of this package with that name, made from its arguments."""
    if isinstance(given, Channel):
        return given
    if name not in _PROVIDED or not isinstance(given, Mapping):
        raise ParameterError(
            f"channels[{name!r}] = {given!r} is no channel: give an instance of a Channel, or a dictionary of "
            f"arguments under the name of one of {', '.join(_PROVIDED)}."
        )
    try:
        return _PROVIDED[name](**given)
    except TypeError as error:
        raise ParameterError(f"channels[{name!r}] = {given!r}: {error}.") from error


class Soma(Neuron):
    r"""One compartment and its ion channels. Puts out 1 in the step in which the potential rises through `V_th`.

    $$C \frac{dV}{dt} = -\sum_k I_k(V, x_k, [\mathrm{Ca}]) + I(V)$$

    The gates $x_k$ are those of the channels, calcium is that of `Ions`. Both start at the steady state of `V_init`
    and of resting calcium. The step should not exceed 0.05 ms.

    ```python
    from dynplug_conductance import Soma

    _, spikes = dp.LoopOverTime(Soma(1), dt=0.02)(jnp.full((2500, 1), 10.0))     # 50 ms of 10 µA/cm²
    interval = 0.02 * np.diff(np.flatnonzero(spikes))[-1]
    assert 4.0 < interval < 5.0     # 217 Hz
    ```

    **Arguments:**

    - `size`: the number of units, or the shape of a grid of them.
    - `channels`: instances of `Channel`, which go by the names of their classes, or a dictionary of them with names of
      the user's choice. Under the name of a class of this package its arguments are enough: `{"Na": {"g": 50.0}}`.
    - `ions`: reversal potentials and calcium, an `Ions`.
    - `C`: membrane capacitance [µF/cm²].
    - `V_th`: potential whose upward crossing counts as a spike [mV].
    - `V_init`: potential at the start [mV].
    - `surrogate`: the derivative of the spike.
    - `integrator`: a diffrax solver; exponential Euler suits the gates, whose equations are linear in themselves, and
      is of first order.

    **Raises:** `ParameterError` for what is no channel, and for two of the same name.

    **Reference:** Destexhe, A. & Sejnowski, T. J. (2003), Interactions between membrane conductances underlying
    thalamocortical slow-wave oscillations, doi:10.1152/physrev.00012.2003.
    """

    size: tuple[int, ...] = eqx.field(static=True, converter=as_size)
    channels: Mapping[str, Channel] = eqx.field(default=(Leak(), Na(), K()), converter=_named)
    ions: Ions = Ions()
    C: Parameter = param(1.0, positive=True)
    V_th: Parameter = param(0.0)
    V_init: Parameter = param(-65.0)
    surrogate: Surrogate = Sigmoid()
    integrator: AbstractSolver = ExponentialEuler()

    spikes_if: ClassVar = "V_before < V_th and V >= V_th"

    def __check_init__(self) -> None:
        for name, part in (*self.channels.items(), ("ions", self.ions)):
            for field, value in vars(part).items():
                if np.shape(value) not in ((), self.size):
                    raise ParameterError(
                        f"{name}.{field} has shape {np.shape(value)}; give one number, or one per unit: {self.size}."
                    )

    @property
    def equations(self) -> Mapping[str, str]:  # pyright: ignore[reportIncompatibleVariableOverride]
        return equations_of(self.channels, self.ions)[0]

    @property
    def definitions(self) -> Mapping[str, str]:  # pyright: ignore[reportIncompatibleVariableOverride]
        return equations_of(self.channels, self.ions)[1]

    def init_state(self, ctx: Context) -> SomaState:
        V = jnp.broadcast_to(jnp.asarray(self.V_init, ctx.dtype), self.size)
        Ca = jnp.broadcast_to(jnp.asarray(self.ions.Ca_rest, ctx.dtype), self.size)
        gates = {name: channel.init(V, Ca) for name, channel in self.channels.items()}
        return SomaState(V, Ca, gates, jnp.zeros_like(V))

    def vector_field(self, t: ArrayLike, y: SomaState, drive: Drive) -> SomaState:
        outward, calcium, gates = jnp.zeros_like(y.V), jnp.zeros_like(y.V), {}
        for name, channel in self.channels.items():
            current = channel.current(y.gates[name], y.V, y.Ca, self.ions)
            outward = outward + current
            calcium = calcium + current if channel.carries_calcium else calcium
            gates[name] = channel.derivative(y.gates[name], y.V, y.Ca)
        return SomaState((drive(y.V) - outward) / self.C, self.ions.derivative(y.Ca, calcium), gates)

    def emit(self, old: SomaState, new: SomaState, ctx: Context) -> tuple[SomaState, Float[Array, "*size"]]:
        spike = crossing(old.V, new.V, self.V_th, self.surrogate)
        return SomaState(new.V, new.Ca, new.gates, spike), spike
