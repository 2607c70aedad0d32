from typing import Any

import diffrax
import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array
from scipy.integrate import solve_ivp

import dynplug as dp
from dynplug.neurons import HH, Izhikevich

ORDER = {
    "Euler": 1,
    "Heun": 2,
    "Midpoint": 2,
    "Ralston": 2,
    "Bosh3": 3,
    "Tsit5": 5,
    "Dopri5": 5,
    "Dopri8": 8,
    "ExponentialEuler": 1,
    "ImplicitEuler": 1,
    "Kvaerno3": 3,
    "Kvaerno4": 4,
    "Kvaerno5": 5,
}


class State(eqx.Module):
    V: Array
    w: Array


class FitzHughNagumo(dp.Neuron):
    """A smooth nonlinear neuron whose time runs at a speed of its own in each unit, so that a run has many steps."""

    size: tuple[int, ...] = eqx.field(static=True)
    speed: Array
    integrator: Any

    def init_state(self, ctx):
        return State(jnp.full(self.size, -1.0, ctx.dtype), jnp.full(self.size, -0.5, ctx.dtype))

    def vector_field(self, t, y, drive):
        return State(self.speed * (y.V - y.V**3 / 3.0 - y.w + drive(y.V)), self.speed * 0.08 * (y.V + 0.7 - 0.8 * y.w))

    def emit(self, old, new, ctx):
        return new, new.V


@pytest.fixture(scope="module")
def reference():
    """The potential at 0.8, 1.6, ... 8 ms."""

    def field(t, y):
        return [y[0] - y[0] ** 3 / 3.0 - y[1] + 0.5, 0.08 * (y[0] + 0.7 - 0.8 * y[1])]

    y, V = [-1.0, -0.5], []
    for _ in range(10):
        y = solve_ivp(field, (0.0, 0.8), y, method="DOP853", rtol=1e-13, atol=1e-14).y[:, -1]
        V.append(y[0])
    return np.array(V)


def errors(integrator, steps, reference):
    """The root mean square error with each number of steps in 8 ms, all in one run."""
    neuron = FitzHughNagumo((len(steps),), jnp.asarray(8.0 / steps), integrator)
    V = np.asarray(dp.LoopOverTime(neuron, dt=1.0)(np.full((max(steps), len(steps)), 0.5))[1])
    at = steps * np.arange(1, 11)[:, None] // 10 - 1
    return np.sqrt(np.mean((V[at, np.arange(len(steps))] - reference[:, None]) ** 2, 0))


@pytest.mark.claim(
    "integrator-orders",
    "Each integrator converges with its order on FitzHugh and Nagumo's neuron (difference of the fitted "
    "slope from the order)",
    tolerance=0.7,
    reference="SciPy's DOP853 at 1e-13",
    components=(
        "integrator:Euler",
        "integrator:Heun",
        "integrator:Midpoint",
        "integrator:Ralston",
        "integrator:Bosh3",
        "integrator:Tsit5",
        "integrator:Dopri5",
        "integrator:Dopri8",
        "integrator:ExponentialEuler",
        "integrator:ImplicitEuler",
        "integrator:Kvaerno3",
        "integrator:Kvaerno4",
        "integrator:Kvaerno5",
    ),
)
@pytest.mark.parametrize("name", ORDER)
def test_integrator_of_a_neuron_converges_with_its_order(x64, reference, name, measured):
    order = ORDER[name]
    tight = {"rtol": 1e-10, "atol": 1e-10} if name.startswith(("Implicit", "Kvaerno")) else {}
    steps = (20 if order == 8 else 80) * np.array([1, 2, 4])
    error = errors(dp.build({"type": name, **tight}, kind="integrator"), steps, reference)
    slope = -np.polyfit(np.log2(steps), np.log2(error), 1)[0]
    assert order - 0.4 < slope < order + 0.7
    measured(abs(slope - order))


def test_the_order_of_every_integrator_of_the_core_is_checked():
    ours = (diffrax, dp.integrators)
    assert set(ORDER) == {name for name in dp.list_components("integrator") if any(hasattr(m, name) for m in ours)}


@pytest.mark.parametrize("name", ["ImplicitEuler", "Kvaerno3", "Kvaerno4", "Kvaerno5"])
def test_tolerances_of_an_implicit_integrator_reach_its_root_finder(name):
    finder = dp.get("integrator", name)(rtol=1e-7, atol=1e-9).root_finder
    assert (finder.rtol, finder.atol) == (1e-7, 1e-9)


def test_equations_are_solved_to_the_tolerance_and_by_default_to_well_below_the_error_of_the_step(x64, reference):
    def error(**tolerance):
        return errors(dp.integrators.Kvaerno3(**tolerance), np.array([20]), reference)

    exact = error(rtol=1e-12, atol=1e-12)
    assert abs(error(rtol=0.3, atol=0.3) - exact) > 0.01 * exact
    np.testing.assert_allclose(error(), exact, rtol=1e-3)


def test_an_implicit_integrator_solves_the_upstroke_of_an_action_potential_in_single_precision():
    neuron = HH(2, integrator=dp.integrators.Kvaerno5())
    _, (spikes, V) = dp.LoopOverTime(neuron, out_vars="V", dt=0.05)(
        np.tile(np.array([0.0, 10.0], np.float32), (600, 1))
    )
    assert np.all(np.isfinite(V))
    np.testing.assert_array_equal(spikes.sum(0), [0, 2])
    np.testing.assert_allclose(V[:, 0], -65.0, atol=0.02)


def test_a_step_whose_implicit_equation_has_no_solution_gives_nan(x64):
    # an upswing of 0.04 V² goes to infinity within 2 ms from -20 mV
    neuron = Izhikevich(1, V_init=-20.0, integrator=dp.integrators.ImplicitEuler())
    _, (spikes, V) = dp.LoopOverTime(neuron, out_vars="V", dt=2.0)(np.zeros((1, 1)))
    assert np.all(np.isnan(V))
    assert np.all(np.isnan(spikes))


@pytest.mark.claim(
    "exponential-euler-formula",
    "A step of exponential Euler of a nonlinear neuron is its formula, variable by variable (relative)",
    tolerance=1e-15,
    reference="Rush, S. & Larsen, H. (1978), doi:10.1109/TBME.1978.326270; closed form",
    components=("integrator:ExponentialEuler",),
)
def test_a_step_of_exponential_euler_is_its_formula(x64, measured):
    h, V, w, current = 0.7, -1.0, -0.5, 0.5
    neuron = FitzHughNagumo((1,), jnp.full(1, h), dp.integrators.ExponentialEuler())
    state, _ = dp.LoopOverTime(neuron, dt=1.0)(np.full((1, 1), current))
    b_V, b_w = h * (1.0 - V**2), -h * 0.08 * 0.8
    assert b_V == 0.0
    measured.relative(state["V"], V + h * (V - V**3 / 3.0 - w + current))
    measured.relative(state["w"], w + np.expm1(b_w) / b_w * h * 0.08 * (V + 0.7 - 0.8 * w))
