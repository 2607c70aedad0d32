"""Synaptic outputs: from a conductance to the drive of the target."""

from abc import abstractmethod

import equinox as eqx
from jaxtyping import Array, Float

from dynplug.core import Drive, Parameter, param


class Output(eqx.Module):
    """The effect of a synapse on its target. Implementing one: `__call__(g)` returns a `Drive`.

    An effect that is not affine in the target's potential has a method `at(V)`, too, which returns the output at a
    potential: a `Projection` calls it in each step with that of the step before.
    """

    @abstractmethod
    def __call__(self, g: Float[Array, "*size"]) -> Drive:
        """The drive for a synaptic variable `g`."""


class CUBA(Output):
    r"""Current-based: $I = g$, independent of the target's potential; `g` is a current [nA]."""

    def __call__(self, g: Float[Array, "*size"]) -> Drive:
        return Drive(current=g)


class COBA(Output):
    r"""Conductance-based: $I = g\,(E - V)$; `g` is a conductance [µS].

    **Arguments:**

    - `E`: reversal potential [mV].
    """

    E: Parameter = param(0.0)

    def __call__(self, g: Float[Array, "*size"]) -> Drive:
        return Drive(current=g * self.E, conductance=g)
