"""Synaptic outputs: from a conductance to the drive of the target."""

from abc import abstractmethod

import equinox as eqx
from jaxtyping import Array, Float

from dynplug.core import Drive, Parameter, check_parameters, param


class Output(eqx.Module):
    """The effect of a synapse on its target. Implementing one: `__call__(g)` returns a `Drive`.

    An effect that is not affine in the target's potential has a method `at(V)`, too, which returns the output at a
    potential: a `Projection` calls it in each step with that of the step before.

    ```python
    class Shunting(dp.synapses.Output):     # a leak to 0 mV
        def __call__(self, g):
            return dp.Drive(conductance=g)

    assert Shunting()(jnp.array([0.1]))(jnp.array([-65.0])) == 6.5     # [nA]
    ```
    """

    def __check_init__(self) -> None:
        check_parameters(self)

    @abstractmethod
    def __call__(self, g: Float[Array, "*size"]) -> Drive:
        """The drive for a synaptic variable `g`."""


class CUBA(Output):
    r"""Current-based: $I = g$, independent of the target's potential; `g` is a current [nA].

    ```python
    drive = dp.synapses.CUBA()(jnp.array([0.2]))     # [nA]
    assert drive(jnp.array([-65.0])) == drive(jnp.array([0.0])) == 0.2     # at any potential [mV]
    ```
    """

    def __call__(self, g: Float[Array, "*size"]) -> Drive:
        return Drive(current=g)


class COBA(Output):
    r"""Conductance-based: $I = g\,(E - V)$; `g` is a conductance [µS].

    ```python
    g, V = jnp.array([0.01, 0.01]), jnp.array([-60.0, -80.0])     # [µS], [mV]
    assert np.allclose(dp.synapses.COBA(E=-80.0)(g)(V), [0.01 * (-80.0 + 60.0), 0.0], atol=1e-6)     # [nA]
    ```

    **Arguments:**

    - `E`: reversal potential [mV].
    """

    E: Parameter = param(0.0)

    def __call__(self, g: Float[Array, "*size"]) -> Drive:
        return Drive(current=g * self.E, conductance=g)
