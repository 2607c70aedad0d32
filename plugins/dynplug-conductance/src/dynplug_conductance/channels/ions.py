"""Reversal potentials and intracellular calcium."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from dynplug import Parameter, param
from dynplug.core import check_parameters

_R = 8.314462618  # gas constant [J/(mol K)], CODATA 2018
_F = 96485.33212  # Faraday constant [C/mol], CODATA 2018
_ICE = 273.15  # 0 °C [K]


class Ions(eqx.Module):
    r"""Reversal potentials, and the calcium that calcium currents carry into a thin shell under the membrane.

    $$E_\mathrm{Ca} = \frac{R\,T}{2 F} \ln \frac{[\mathrm{Ca}]_\mathrm{out}}{[\mathrm{Ca}]}, \qquad
      \frac{d[\mathrm{Ca}]}{dt} = -k\,I_\mathrm{Ca} - \frac{[\mathrm{Ca}] - [\mathrm{Ca}]_\mathrm{rest}}{\tau}$$

    A shell of depth $d$ has $k = 1 / (2 F d)$: 0.0518 µM cm²/(µA ms) for 1 µm, the default.

    **Arguments:**

    - `ENa`: sodium reversal potential [mV].
    - `EK`: potassium reversal potential [mV].
    - `Ca_rest`: intracellular calcium at rest, where the state starts [µM].
    - `Ca_out`: extracellular calcium [µM].
    - `k`: calcium brought in by a current [µM cm²/(µA ms)].
    - `tau`: time constant of the return to rest [ms].
    - `T`: temperature, for the reversal potential of calcium [°C].

    **Reference:** Destexhe, A., Bal, T., McCormick, D. A. & Sejnowski, T. J. (1996), Ionic mechanisms underlying
    synchronized oscillations and propagating waves in a model of ferret thalamic slices, doi:10.1152/jn.1996.76.3.2049.
    """

    ENa: Parameter = param(50.0)
    EK: Parameter = param(-90.0)
    Ca_rest: Parameter = param(0.24, positive=True)
    Ca_out: Parameter = param(2000.0, positive=True)
    k: Parameter = param(0.0518)
    tau: Parameter = param(5.0, positive=True)
    T: Parameter = param(36.0)

    def __check_init__(self) -> None:
        check_parameters(self)

    equations: ClassVar = {"Ca": "-k * I_Ca - (Ca - Ca_rest) / tau"}
    definitions: ClassVar = {
        "ECa": "1000[mV/V] * 8.314462618[J/(mol K)] * (T + 273.15[°C]) / (2 * 96485.33212[C/mol]) * log(Ca_out / Ca)"
    }

    def ECa(self, Ca: Float[Array, "*size"]) -> Float[Array, "*size"]:
        """The reversal potential of calcium [mV]."""
        return 1e3 * _R * (self.T + _ICE) / (2.0 * _F) * jnp.log(self.Ca_out / Ca)

    def derivative(self, Ca: Float[Array, "*size"], I: Float[Array, "*size"]) -> Float[Array, "*size"]:  # noqa: E741
        """The rate of change of calcium by a calcium current `I` [µA/cm²] and the return to rest [µM/ms]."""
        return -self.k * I - (Ca - self.Ca_rest) / self.tau
