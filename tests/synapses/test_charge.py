"""The charge that a target receives through a synapse, against closed forms: it may not depend on the step."""

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynplug as dp
from dynplug.neurons import LIF, LeakyIntegrator
from dynplug.synapses import COBA, Alpha, Exponential

pytestmark = pytest.mark.quick

DTS = [0.01, 0.1, 0.5, 1.0, 2.0]
TAU, TAU_M, W, E = 5.0, 20.0, 0.7, -80.0


class LogisticState(eqx.Module):
    g: jax.Array


class Logistic(dp.Synapse):
    """dg/dt = -g (1 + g) / tau, which is linear in nothing; an event w from rest has the charge tau log(1 + w)."""

    size: tuple[int, ...] = eqx.field(static=True, converter=dp.as_size)
    integrator: diffrax.AbstractSolver = diffrax.Dopri5()
    jump_to = "g"

    def init_state(self, ctx):
        return LogisticState(jnp.zeros(self.size, ctx.dtype))

    def vector_field(self, t, y, drive):
        return LogisticState(-y.g * (1.0 + y.g) / TAU)

    def emit(self, old, new, ctx):
        return new, dp.Drive(current=new.g)


def run(system, dt, T=40.0 * TAU, at=0):
    n = round(T / dt)
    _, out = dp.LoopOverTime(system, dt=dt)(np.eye(1, n, at).T * W)
    return jax.tree.map(np.asarray, out)


CHARGES = {  # of one event of weight W, from t = 0 to infinity
    "exponential": (Exponential, {}, W * TAU),
    "exponential, Bosh3": (Exponential, {"integrator": diffrax.Bosh3()}, W * TAU),
    "alpha": (Alpha, {}, W * TAU * np.e),
    "alpha, Heun": (Alpha, {"integrator": diffrax.Heun()}, W * TAU * np.e),
}


@pytest.mark.claim(
    "synapse-charge",
    "The charge of an event does not depend on the step, from 0.01 to 2 ms, nor on the integrator (relative)",
    tolerance=1e-12,
    reference="Roth, A. & van Rossum, M. C. W. (2009), doi:10.7551/mitpress/9780262013277.003.0007; closed form",
    components=("synapse:Exponential", "synapse:Alpha"),
)
@pytest.mark.parametrize("dt", DTS)
@pytest.mark.parametrize("case", CHARGES)
def test_the_charge_of_an_event_is_that_of_its_equation(x64, case, dt, measured):
    synapse, options, charge = CHARGES[case]
    drive = run(synapse(1, tau=TAU, **options), dt)
    measured.relative(drive.current.sum() * dt, charge)


@pytest.mark.parametrize("dt", [0.1, 1.0])
def test_a_synapse_made_by_a_user_that_is_not_linear_has_its_charge_too(x64, dt):
    np.testing.assert_allclose(run(Logistic(1), dt).current.sum() * dt, TAU * np.log1p(W), rtol=1e-5 * dt)


@pytest.mark.parametrize("dt", [1.0, 2.0])
def test_a_solver_that_knows_no_mean_integrates_it(x64, dt):
    exact = run(Exponential(1, tau=TAU), dt).current
    np.testing.assert_allclose(run(Exponential(1, tau=TAU, integrator=diffrax.Dopri8()), dt).current, exact, atol=1e-9)


@pytest.mark.claim(
    "synapse-conductance",
    "The time integral of a conductance does not depend on the step (relative)",
    tolerance=1e-12,
    reference="Roth, A. & van Rossum, M. C. W. (2009), doi:10.7551/mitpress/9780262013277.003.0007; closed form",
    components=("synapse:Exponential",),
)
@pytest.mark.parametrize("dt", DTS)
def test_the_charge_of_a_conductance_is_that_of_its_equation(x64, dt, measured):
    drive = run(Exponential(1, tau=TAU, output=COBA(E)), dt)
    measured.relative(drive.conductance.sum() * dt, W * TAU)
    np.testing.assert_allclose(drive.current, E * drive.conductance, rtol=1e-12)


def difference_of_exponentials(t):
    return W * TAU / (TAU_M - TAU) * (np.exp(-t / TAU_M) - np.exp(-t / TAU))


def alpha_in_a_membrane(t):
    k = 1.0 / TAU - 1.0 / TAU_M
    return W * np.e / (TAU * TAU_M) * np.exp(-t / TAU_M) * (1.0 / k**2 - (t / k + 1.0 / k**2) * np.exp(-k * t))


@pytest.mark.parametrize(
    ("synapse", "exact"),
    [
        pytest.param(
            Exponential,
            difference_of_exponentials,
            marks=pytest.mark.claim(
                "exponential-response",
                "A postsynaptic potential through an exponential synapse, at steps of 0.4 of its time "
                "constant, is its closed form (share of the peak)",
                tolerance=0.0035,
                reference="closed form of the membrane's response",
                components=("synapse:Exponential", "neuron:LIF"),
            ),
        ),
        pytest.param(
            Alpha,
            alpha_in_a_membrane,
            marks=pytest.mark.claim(
                "alpha-response",
                "A postsynaptic potential through an alpha synapse, at steps of 0.4 of its time constant, is "
                "its closed form (share of the peak)",
                tolerance=0.008,
                reference="closed form of the membrane's response",
                components=("synapse:Alpha", "neuron:LIF"),
            ),
        ),
    ],
)
def test_the_error_of_a_postsynaptic_potential_falls_with_the_square_of_the_step(x64, synapse, exact, measured):
    error = []
    for dt in (2.0, 1.0, 0.1):
        membrane = dp.Sequential(synapse(1, tau=TAU), LIF(1, tau=TAU_M, V_th=1e6), read=lambda s: s)
        n = round(60.0 / dt)
        _, (_, V) = dp.LoopOverTime(membrane, "1.V", dt=dt)(np.eye(n, 1) * W)
        t = np.arange(1, n + 1) * dt
        error.append(np.max(np.abs(V[:, 0] - exact(t))) / exact(np.linspace(0.0, 60.0, 6001)).max())
    measured(error[0])
    assert 3.5 < error[0] / error[1] < 8.5
    assert 80.0 < error[1] / error[2] < 250.0


def test_the_time_of_an_event_is_the_start_of_its_step_and_its_state_that_at_the_end(x64):
    dt = 0.5
    state, drive = dp.LoopOverTime(Exponential(1, tau=TAU), dt=dt)(np.eye(1, 4, 3).T)
    np.testing.assert_array_equal(drive.current[:3], 0.0)
    np.testing.assert_allclose(drive.current[3], TAU / dt * -np.expm1(-dt / TAU), rtol=1e-12)
    np.testing.assert_allclose(state["g"], np.exp(-dt / TAU), rtol=1e-12)


@pytest.mark.claim(
    "exponential-gradient",
    "The derivative of a membrane's potential by the synapse's time constant is that of finite differences (relative)",
    tolerance=1e-6,
    reference="central differences",
    components=("synapse:Exponential", "neuron:LeakyIntegrator"),
)
def test_gradients_of_a_response_are_those_of_its_closed_form(x64, measured):
    """The potential at the end in its derivative by tau, against differences."""

    def end(tau):
        system = Exponential(1, tau=tau, output=COBA(30.0)) >> LeakyIntegrator(1, tau=TAU_M)
        return dp.LoopOverTime(system, dt=1.0)(np.eye(30, 1) * W)[1][-1, 0]

    slope = jax.grad(end)(jnp.asarray(TAU))
    secant = (end(jnp.asarray(TAU + 1e-5)) - end(jnp.asarray(TAU - 1e-5))) / 2e-5
    measured.relative(slope, secant)
