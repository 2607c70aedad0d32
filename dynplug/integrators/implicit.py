"""diffrax's implicit solvers with tolerances for their equations, so that a configuration can name them."""

import diffrax


def _newton(rtol: float, atol: float) -> diffrax.VeryChord:
    return diffrax.VeryChord(rtol=rtol, atol=atol)


def ImplicitEuler(rtol: float = 1e-5, atol: float = 1e-5) -> diffrax.ImplicitEuler:
    """`diffrax.ImplicitEuler`, of first order.

    **Arguments:**

    - `rtol`: relative tolerance of the root finder.
    - `atol`: absolute tolerance of the root finder.
    """
    return diffrax.ImplicitEuler(root_finder=_newton(rtol, atol))


def Kvaerno3(rtol: float = 1e-5, atol: float = 1e-5) -> diffrax.Kvaerno3:
    """`diffrax.Kvaerno3`, of third order, for stiff equations.

    **Arguments:**

    - `rtol`: relative tolerance of the root finder.
    - `atol`: absolute tolerance of the root finder.
    """
    return diffrax.Kvaerno3(root_finder=_newton(rtol, atol))


def Kvaerno4(rtol: float = 1e-5, atol: float = 1e-5) -> diffrax.Kvaerno4:
    """`diffrax.Kvaerno4`, of fourth order, for stiff equations.

    **Arguments:**

    - `rtol`: relative tolerance of the root finder.
    - `atol`: absolute tolerance of the root finder.
    """
    return diffrax.Kvaerno4(root_finder=_newton(rtol, atol))


def Kvaerno5(rtol: float = 1e-5, atol: float = 1e-5) -> diffrax.Kvaerno5:
    """`diffrax.Kvaerno5`, of fifth order, for stiff equations.

    **Arguments:**

    - `rtol`: relative tolerance of the root finder.
    - `atol`: absolute tolerance of the root finder.
    """
    return diffrax.Kvaerno5(root_finder=_newton(rtol, atol))
