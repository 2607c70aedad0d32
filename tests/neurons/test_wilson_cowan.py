"""Wilson and Cowan's equations, written down once more in NumPy, and solved by SciPy."""

import diffrax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import root

import dynplug as dp

CYCLE_OF = "Wilson, H. R. & Cowan, J. D. (1972), figure 11, doi:10.1016/S0006-3495(72)86068-5; DOP853 of SciPy"
STATES_OF = "Wilson, H. R. & Cowan, J. D. (1972), figures 4 and 5, doi:10.1016/S0006-3495(72)86068-5; roots by SciPy"
CYCLE = {"c": (16.0, 12.0, 15.0, 3.0), "a": (1.3, 2.0), "theta": (4.0, 3.7)}  # the paper's figure 11
HYSTERESIS = {"c": (12.0, 4.0, 13.0, 11.0), "a": (1.2, 1.0), "theta": (2.8, 4.0)}  # figures 4 and 5
AS_ARGUMENTS = {"c": ("w_EE", "w_EI", "w_IE", "w_II"), "a": ("a_E", "a_I"), "theta": ("theta_E", "theta_I")}


def field(y, P, c, a, theta, tau=(10.0, 10.0), r=1.0, Q=0.0):
    """The time derivative, as the paper has it."""
    inputs = c[0] * y[0] - c[1] * y[1] + P, c[2] * y[0] - c[3] * y[1] + Q
    change = []
    for value, x, steep, middle, slow in zip(y, inputs, a, theta, tau, strict=True):
        low = 1.0 / (1.0 + np.exp(steep * middle))
        response = 1.0 / (1.0 + np.exp(-steep * (x - middle))) - low
        change.append((-value + ((1.0 - low) - r * value) * response) / slow)
    return np.array(change)


def solved(t, y0, P, **given):
    return solve_ivp(lambda _, y: field(y, P, **given), (0.0, t[-1]), y0, "DOP853", t, rtol=1e-11, atol=1e-13).y.T


def pair(size=1, *, c, a, theta, **more):
    values = {"c": c, "a": a, "theta": theta}
    named = {name: v for key, names in AS_ARGUMENTS.items() for name, v in zip(names, values[key], strict=True)}
    return dp.neurons.WilsonCowan(size, **named, **more)


def run(model, P, dt, steps):
    xs = jnp.tile(jnp.asarray(P, float), (steps, 1))
    _, (out, seen) = dp.LoopOverTime(model, ["r_E", "r_I"], dt=dt)(xs)
    np.testing.assert_array_equal(out, seen[0])
    return np.stack(seen, axis=-1)


@pytest.mark.claim(
    "wilson-cowan-cycle",
    "The activities of Wilson-Cowan pairs follow the paper's equations onto the limit cycle, by Tsit5 at 0.05 ms",
    tolerance=1e-9,
    reference=CYCLE_OF,
    components=("neuron:WilsonCowan",),
)
def test_the_limit_cycle_of_1972(x64, measured):
    dt, steps = 0.05, 3000
    t = dt * np.arange(1, steps + 1)
    exact = solved(t, [0.0, 0.0], 1.25, **CYCLE)
    r = run(dp.neurons.WilsonCowan(1, integrator=diffrax.Tsit5()), [1.25], dt, steps)[:, 0]
    measured.difference(r, exact)
    by_default = run(dp.neurons.WilsonCowan(1), [1.25], dt, steps)[:, 0]
    np.testing.assert_allclose(by_default, exact, rtol=0, atol=1e-4)
    late = r[1000:, 0]
    assert late.min() < 0.11
    assert late.max() > 0.26


@pytest.mark.claim(
    "wilson-cowan-period",
    "Wilson-Cowan pairs cycle with the period of the solved equations, in steps of a 200th of three time constants",
    tolerance=5e-5,
    reference=CYCLE_OF,
    components=("neuron:WilsonCowan",),
)
def test_the_period_of_the_cycle(x64, measured):
    def period(t, x):
        up = np.flatnonzero((x[1:] >= 0.18) & (x[:-1] < 0.18))
        crossing = t[up] + (0.18 - x[up]) / (x[up + 1] - x[up]) * (t[1] - t[0])
        return np.diff(crossing)[-3:].mean()

    t = 0.05 * np.arange(1, 10_001)
    exact = period(t, solved(t, [0.0, 0.0], 1.25, **CYCLE)[:, 0])
    assert 49.9 < exact < 50.0
    for tau in (5.0, 10.0, 20.0):
        dt = 0.005 * tau
        r = run(dp.neurons.WilsonCowan(1, tau_E=tau, tau_I=tau), [1.25], dt, 10_000)
        measured.relative(period(dt * np.arange(1, 10_001), r[:, 0, 0]), exact * tau / 10.0)


@pytest.mark.claim(
    "wilson-cowan-hysteresis",
    "Wilson-Cowan pairs with the paper's weights for hysteresis rest in both stable states, about the third",
    tolerance=1e-9,
    reference=STATES_OF,
    components=("neuron:WilsonCowan",),
)
def test_three_resting_states_two_of_them_stable(x64, measured):
    guesses = [0.0, 0.0], [0.19, 0.07], [0.44, 0.23]
    roots = [root(lambda y: field(y, 0.0, **HYSTERESIS), guess, tol=1e-14).x for guess in guesses]
    low, middle, high = np.array(roots)
    assert low[0] < middle[0] - 0.1 < high[0] - 0.3
    start = np.array([middle - 1e-3, middle + 1e-3])
    model = pair(2, **HYSTERESIS, r_E_init=start[:, 0], r_I_init=start[:, 1])
    r = run(model, [0.0, 0.0], 0.5, 2000)
    measured.difference(r[-1], np.array([low, high]))


def test_every_argument_is_that_of_the_paper(x64):
    given = {"c": (10.0, 7.0, 9.0, 2.0), "a": (1.1, 1.7), "theta": (2.0, 1.5)}
    model = pair(1, **given, tau_E=5.0, tau_I=9.0, rho=0.6, Q=0.4, r_E_init=0.1, r_I_init=0.3)
    r = run(model, [0.7], 0.05, 400)[:, 0]
    exact = solved(0.05 * np.arange(1, 401), [0.1, 0.3], 0.7, **given, tau=(5.0, 9.0), r=0.6, Q=0.4)
    np.testing.assert_allclose(r, exact, atol=2e-5)
