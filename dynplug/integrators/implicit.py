"""diffrax's implicit solvers with tolerances for their equations, so that a configuration can name them.

Where a neuron's upswing grows without bound, as in `Izhikevich` and `AdExIF`, the equations of a step may have no
solution; the potential is then NaN.
"""

import diffrax
import optimistix


def _newton(rtol: float, atol: float) -> optimistix.Newton:
    """Newton's method. diffrax's chord method gives up early, expecting a smaller step, but here steps are fixed."""
    return optimistix.Newton(rtol=rtol, atol=atol)


def ImplicitEuler(rtol: float = 1e-3, atol: float = 1e-3) -> diffrax.ImplicitEuler:
    """`diffrax.ImplicitEuler`, of first order.

    ```python
    leak = dp.neurons.LeakyIntegrator(1, tau=10.0, integrator=dp.integrators.ImplicitEuler())
    _, V = dp.LoopOverTime(leak, dt=10.0)(jnp.ones((1, 1)))
    assert np.isclose(V[0, 0], 1 - 1 / (1 + 10.0 / 10.0), atol=1e-3)
    ```

    **Arguments:**

    - `rtol`: relative tolerance of the root finder [-].
    - `atol`: absolute tolerance of the root finder, in the units of the variables [-].
    """
    return diffrax.ImplicitEuler(root_finder=_newton(rtol, atol))


def Kvaerno3(rtol: float = 1e-3, atol: float = 1e-3) -> diffrax.Kvaerno3:
    """`diffrax.Kvaerno3`, of third order, for stiff equations.

    ```python
    solver = dp.build({"type": "Kvaerno3", "rtol": 1e-5, "atol": 1e-6}, kind="integrator")     # as in a file
    assert solver.order(None) == 3 and solver.root_finder.rtol == 1e-5
    lif = dp.neurons.LIF(10, integrator=solver)
    ```

    **Arguments:**

    - `rtol`: relative tolerance of the root finder [-].
    - `atol`: absolute tolerance of the root finder, in the units of the variables [-].
    """
    return diffrax.Kvaerno3(root_finder=_newton(rtol, atol))


def Kvaerno4(rtol: float = 1e-3, atol: float = 1e-3) -> diffrax.Kvaerno4:
    """`diffrax.Kvaerno4`, of fourth order, for stiff equations.

    ```python
    solver = dp.build({"type": "Kvaerno4", "rtol": 1e-5, "atol": 1e-6}, kind="integrator")     # as in a file
    assert solver.order(None) == 4 and solver.root_finder.rtol == 1e-5
    lif = dp.neurons.LIF(10, integrator=solver)
    ```

    **Arguments:**

    - `rtol`: relative tolerance of the root finder [-].
    - `atol`: absolute tolerance of the root finder, in the units of the variables [-].
    """
    return diffrax.Kvaerno4(root_finder=_newton(rtol, atol))


def Kvaerno5(rtol: float = 1e-3, atol: float = 1e-3) -> diffrax.Kvaerno5:
    """`diffrax.Kvaerno5`, of fifth order, for stiff equations.

    ```python
    solver = dp.build({"type": "Kvaerno5", "rtol": 1e-5, "atol": 1e-6}, kind="integrator")     # as in a file
    assert solver.order(None) == 5 and solver.root_finder.rtol == 1e-5
    lif = dp.neurons.LIF(10, integrator=solver)
    ```

    **Arguments:**

    - `rtol`: relative tolerance of the root finder [-].
    - `atol`: absolute tolerance of the root finder, in the units of the variables [-].
    """
    return diffrax.Kvaerno5(root_finder=_newton(rtol, atol))
