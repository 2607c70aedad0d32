from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array

import dynplug as dp
from dynplug.integrators import ExponentialEuler
from dynplug.neurons import HH, IF, LIF, LeakyIntegrator


class State(eqx.Module):
    V: Array


class Linear(dp.Neuron):
    """dV/dt = rate V + I, from 0: one step of 1 ms under a unit current gives phi1(rate) = (exp(rate) - 1) / rate."""

    size: tuple[int, ...] = eqx.field(static=True)
    rate: Array
    integrator: Any = ExponentialEuler()

    def init_state(self, ctx):
        return State(jnp.zeros(self.size, ctx.dtype))

    def vector_field(self, t, y, drive):
        return State(self.rate * y.V + drive(y.V))

    def emit(self, old, new, ctx):
        return new, new.V


class Ramp(dp.Neuron):
    """dV/dt = 2 t, so that the potential is the square of the time."""

    size: tuple[int, ...] = eqx.field(static=True)
    integrator: Any

    def init_state(self, ctx):
        return State(jnp.full(self.size, ctx.t**2, ctx.dtype))

    def vector_field(self, t, y, drive):
        return State(jnp.full(self.size, 2.0 * t))

    def emit(self, old, new, ctx):
        return new, new.V


def phi1(rate):
    return dp.LoopOverTime(Linear(rate.shape, rate), dt=1.0, jit=False, loop="plain")(np.ones(1, rate.dtype))[1][0]


MAGNITUDE = np.concatenate(
    [10.0 ** np.arange(-30, 0), np.linspace(0.1, 2.0, 200), [0.4999, 0.5, 0.5001, 5.0, 30.0, 80.0]]
)


@pytest.mark.parametrize(
    "double",
    [
        pytest.param(
            False,
            marks=pytest.mark.claim(
                "exponential-euler-step-single",
                "A step of exponential Euler is accurate for tiny, middling and great rates, in single "
                "precision (relative)",
                tolerance=6e-7,
                reference="NumPy's expm1 in extended precision",
                components=("integrator:ExponentialEuler",),
            ),
        ),
        pytest.param(
            True,
            marks=pytest.mark.claim(
                "exponential-euler-step",
                "A step of exponential Euler is accurate for tiny, middling and great rates, in double "
                "precision (relative)",
                tolerance=2e-15,
                reference="NumPy's expm1 in extended precision",
                components=("integrator:ExponentialEuler",),
            ),
        ),
    ],
)
def test_phi1_is_accurate_for_tiny_middling_and_great_arguments(double, measured):
    with jax.enable_x64(double):
        rate = jnp.asarray(np.concatenate([-MAGNITUDE, MAGNITUDE]), float)
        found = np.asarray(jax.jit(phi1)(rate))
    z = np.asarray(rate).astype(np.longdouble)
    assert found.dtype == (np.float64 if double else np.float32)
    measured.relative(found, (np.expm1(z) / z).astype(float))


def test_phi1_is_1_at_0_with_gradient_one_half_and_0_at_minus_infinity(x64):
    rate = jnp.array([0.0, 1e-9, -1e300])
    value, gradient = jax.jit(lambda rate: jax.jvp(phi1, (rate,), (jnp.ones_like(rate),)))(rate)
    np.testing.assert_allclose(value, [1.0, 1.0, 0.0], atol=1e-8)
    np.testing.assert_allclose(gradient, [0.5, 0.5, 0.0], atol=1e-8)


@pytest.mark.claim(
    "exponential-euler-gradient",
    "The derivative of a step of exponential Euler by the rate is its closed form (relative)",
    tolerance=1e-12,
    reference="NumPy's expm1 in extended precision",
    components=("integrator:ExponentialEuler",),
)
def test_gradient_of_phi1_is_that_of_the_closed_form(x64, measured):
    z = np.array([-20.0, -2.0, -0.51, -0.49, -1e-3, 1e-3, 0.49, 0.51, 3.0])
    _, gradient = jax.jit(lambda rate: jax.jvp(phi1, (rate,), (jnp.ones_like(rate),)))(jnp.asarray(z))
    w = z.astype(np.longdouble)
    measured.relative(gradient, ((w * np.exp(w) - np.expm1(w)) / w**2).astype(float))


@pytest.mark.claim(
    "exponential-euler-linear",
    "Exponential Euler solves linear equations exactly, at steps of up to 50,000 time constants (relative)",
    tolerance=1e-14,
    reference="Rush, S. & Larsen, H. (1978), doi:10.1109/TBME.1978.326270; closed form",
    components=("integrator:ExponentialEuler", "neuron:LeakyIntegrator"),
)
def test_a_linear_equation_is_solved_exactly_at_a_huge_step(x64, measured):
    tau, n = np.array([0.01, 1.0, 1000.0]), 3
    V = dp.LoopOverTime(LeakyIntegrator(3, tau=tau, R=2.0, V_rest=-1.0), dt=500.0)(np.full((n, 3), 0.75))[1]
    t = 500.0 * np.arange(1, n + 1)[:, None]
    measured.relative(V, -1.0 - 1.5 * np.expm1(-t / tau))


def test_a_stiff_equation_stays_stable():
    V = dp.LoopOverTime(LeakyIntegrator(1, tau=1e-6), dt=1.0)(np.array([[1.0], [-1.0], [0.5]], np.float32))[1]
    np.testing.assert_array_equal(V[:, 0], [1.0, -1.0, 0.5])


def test_an_equation_without_slope_is_integrated_exactly():
    V = dp.LoopOverTime(IF(1, C=2.0, V_th=1e9), out_vars="V", dt=0.5)(np.full((8, 1), 3.0, np.float32))[1][1]
    np.testing.assert_array_equal(V[:, 0], 0.75 * np.arange(1, 9))


@pytest.mark.claim(
    "exponential-euler-diffrax",
    "diffrax solves LIF's membrane by exponential Euler to its closed form",
    tolerance=1e-13,
    unit="mV",
    reference="Rush, S. & Larsen, H. (1978), doi:10.1109/TBME.1978.326270; closed form",
    components=("integrator:ExponentialEuler", "neuron:LIF"),
)
def test_diffeqsolve_takes_it_and_gives_the_closed_form(x64, measured):
    neuron = LIF(2, tau=np.array([5.0, 20.0]), R=3.0, V_rest=-1.0, V_th=100.0)
    ts = np.arange(0.0, 50.1, 5.0)
    sol = diffrax.diffeqsolve(
        diffrax.ODETerm(neuron.vector_field),
        ExponentialEuler(),
        t0=0.0,
        t1=50.0,
        dt0=2.5,
        y0=dp.continuous(neuron.init_state(dp.Context(dt=2.5))),
        args=dp.Drive(current=0.5),
        saveat=diffrax.SaveAt(ts=jnp.asarray(ts)),
    )
    measured.difference(sol.ys.V, -1.0 - 1.5 * np.expm1(-ts[:, None] / np.array([5.0, 20.0])))
    assert sol.ys.spike is None
    assert ExponentialEuler().order(None) == 1


@pytest.mark.parametrize("t0", [0.0, 7.0])
def test_a_solver_sees_the_time_within_the_run(x64, t0):
    V = dp.LoopOverTime(Ramp((1,), diffrax.Heun()), dt=0.25, t0=t0)(5.0)[1]
    np.testing.assert_allclose(V[:, 0], (t0 + 0.25 * np.arange(1, 21)) ** 2, rtol=1e-14)


def test_a_solver_of_split_systems_is_refused():
    with pytest.raises(dp.errors.IntegratorError, match="SemiImplicitEuler integrates split"):
        dp.LoopOverTime(HH(1, integrator=diffrax.SemiImplicitEuler()), dt=0.1)(np.zeros((2, 1), np.float32))
