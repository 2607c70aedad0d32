"""White noise and Ornstein-Uhlenbeck processes beside their moments, and a neuron that they drive beside Siegert's."""

import diffrax
import jax
import jax.numpy as jnp
import lineax
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import erfcx

import dynplug as dp
from dynplug.errors import KeyRequiredError, ParameterError

N = 20_000


def out_of(system, duration, dt, seed=0):
    return np.asarray(dp.LoopOverTime(system, dt=dt)(duration, key=jax.random.key(seed))[1])


@pytest.fixture(scope="module", params=[0.5, 2.0], ids=["dt=0.5", "dt=2"])
def process(request):
    dt = request.param
    return dt, out_of(dp.sources.OrnsteinUhlenbeck(N, 0.4, 8.0, 1.5), 16.0, dt)


@pytest.mark.claim(
    "ornstein-uhlenbeck-moments",
    "An Ornstein-Uhlenbeck source has its mean, variance and autocorrelation at any step (in standard deviations)",
    tolerance=0.05,
    reference="Gillespie, D. T. (1996), doi:10.1103/PhysRevE.54.2084; closed form, five standard errors",
    components=("source:OrnsteinUhlenbeck",),
)
def test_mean_variance_and_autocorrelation_are_the_closed_form(process, measured):
    dt, current = process
    z = (current - 1.5) / 0.4
    measured.difference(z.mean(1), np.zeros(len(z)))
    lags = np.arange(len(z))
    measured.difference((z[:1] * z).mean(1), np.exp(-lags * dt / 8.0))
    measured.difference((z**2).mean(1), np.ones(len(z)))


def test_it_starts_in_its_stationary_distribution_or_at_its_mean():
    make = dp.sources.OrnsteinUhlenbeck
    first = make(N, 0.4, 8.0, 1.5).init_state(dp.Context(dt=1.0, key=jax.random.key(0)))
    np.testing.assert_allclose([first.current.mean(), first.current.std()], [1.5, 0.4], atol=0.02)
    source = make(N, 0.4, 8.0, 1.5, start="mean")
    assert (source.init_state(dp.Context(dt=1.0)).current == 1.5).all()
    spread = out_of(source, 10.0, 1.0).std(1)
    np.testing.assert_allclose(spread, 0.4 * np.sqrt(1.0 - np.exp(-2.0 * np.arange(1, 11) / 8.0)), rtol=0.03)


def test_the_output_is_the_state_after_the_step():
    loop = dp.LoopOverTime(dp.sources.OrnsteinUhlenbeck((2, 2), 1.0), "current", dt=0.5)
    _, (out, current) = loop(10.0, key=jax.random.key(0))
    assert out.shape == (20, 2, 2)
    np.testing.assert_array_equal(out, current)


def test_moments_may_differ_by_unit_and_have_gradients():
    sizes = np.array([0.1, 1.0], np.float32)
    own = out_of(dp.sources.OrnsteinUhlenbeck(2, sizes, [1.0, 2.0], [5.0, -5.0]), 4000.0, 1.0)
    np.testing.assert_allclose(own.mean(0), [5.0, -5.0], atol=0.15)
    np.testing.assert_allclose(own.std(0), sizes, rtol=0.1)

    def last(sigma):
        return dp.LoopOverTime(dp.sources.OrnsteinUhlenbeck(1, sigma), dt=1.0)(5.0, key=jax.random.key(0))[1][-1, 0]

    np.testing.assert_allclose(jax.grad(last)(jnp.float32(2.0)), last(jnp.float32(2.0)) / 2.0, rtol=1e-5)


@pytest.mark.claim(
    "white-noise-membrane",
    "A leaky membrane under white noise has its mean and standard deviation at any step (relative)",
    tolerance=0.03,
    reference="Gerstner, W. et al. (2014), section 8.1, doi:10.1017/CBO9781107447615; five standard errors",
    components=("source:WhiteNoise", "neuron:LeakyIntegrator"),
)
@pytest.mark.parametrize("dt", [0.1, 1.0])
def test_a_membrane_under_white_noise(dt, measured):
    model = dp.sources.WhiteNoise(N, 0.9, 0.5) >> dp.neurons.LeakyIntegrator(N, tau=10.0, R=4.0)
    _, V = dp.LoopOverTime(model, dt=dt)(60.0, key=jax.random.key(1))
    measured.relative(V[-1].mean(), 2.0 * (1.0 - np.exp(-6.0)))
    measured.relative(V[-1].std(), 4.0 * 0.9 / np.sqrt(2.0 * 10.0))


def test_white_noise_is_drawn_anew_for_each_unit_and_step():
    noise = out_of(dp.sources.WhiteNoise(4, [0.1, 1.0, 1.0, 0.0], [0.0, 0.0, 3.0, 2.0]), 4000.0, 0.5)
    np.testing.assert_allclose(noise.mean(0), [0.0, 0.0, 3.0, 2.0], atol=0.08)
    np.testing.assert_allclose(noise.std(0), np.array([0.1, 1.0, 1.0, 0.0]) / 0.5**0.5, rtol=0.04)
    assert abs(np.corrcoef(noise[:, 1], noise[:, 2])[0, 1]) < 0.05
    assert abs(np.corrcoef(noise[1:, 1], noise[:-1, 1])[0, 1]) < 0.05


def siegert(mu, sigma, tau, V_th, V_reset, tau_ref):
    """The rate [kHz] of a leaky integrate-and-fire neuron; sigma is sqrt(2) times the free potential's deviation."""
    low, high = (V_reset - mu) / sigma, (V_th - mu) / sigma
    integral = quad(lambda u: erfcx(-u), low, high)[0]  # exp(u^2) (1 + erf(u))
    return 1.0 / (tau_ref + tau * np.sqrt(np.pi) * integral)


@pytest.mark.claim(
    "white-noise-rate",
    "LIF neurons under white noise fire at Siegert's rate, for three means and deviations (relative)",
    tolerance=0.03,
    reference="Siegert, A. J. F. (1951), doi:10.1103/PhysRev.81.617; threshold in steps: Broadie, M., Glasserman, P. & "
    "Kou, S. (1997), doi:10.1111/1467-9965.00035",
    components=("source:WhiteNoise", "neuron:LIF"),
)
@pytest.mark.parametrize("dt", [0.1, 0.4])
def test_a_neuron_under_white_noise_fires_at_siegerts_rate(dt, measured):
    """Between steps a crossing goes unseen: it is as if the threshold were higher by 0.5826 deviations of a step."""
    units, tau, V_th, V_reset, tau_ref = 500, 20.0, 20.0, 10.0, 2.0
    mus, sigmas = np.array([15.0, 18.0, 25.0]), np.array([5.0, 3.0, 4.0])  # [mV]
    noise = dp.sources.WhiteNoise(3 * units, np.repeat(sigmas * np.sqrt(tau), units), np.repeat(mus, units))
    cells = dp.neurons.LIF(3 * units, tau=tau, V_th=V_th, V_reset=V_reset, tau_ref=tau_ref)
    runner = dp.DSRunner(
        dp.Sequential(noise=noise, cells=cells),
        monitors=["cells.spike"],
        record_every=round(200.0 / dt),
        key=jax.random.key(0),
        dt=dt,
        return_outputs=False,
        progress_bar=False,
    )
    runner.run(1600.0)
    rates = runner.mon["cells.spike"][1:].sum(0).reshape(3, units).mean(1) / 1400.0
    unseen = 0.5826 * sigmas * np.sqrt(dt / tau)
    want = [siegert(m, s, tau, V_th + u, V_reset, tau_ref) for m, s, u in zip(mus, sigmas, unseen, strict=True)]
    measured.relative(rates, np.array(want))


@pytest.mark.parametrize("solver", [diffrax.Euler(), diffrax.EulerHeun()], ids=["Euler-Maruyama", "Euler-Heun"])
def test_a_noisy_membrane_by_the_stochastic_solvers_of_diffrax(solver):
    """The vector field of any neuron is the drift of a stochastic differential equation."""
    cell = dp.neurons.LeakyIntegrator(2000, tau=10.0, R=4.0)
    y0 = dp.continuous(cell.init_state(dp.Context(dt=0.2)))
    drive, strength = dp.Drive(current=0.5), 4.0 * 0.9 / 10.0  # R sigma / tau [mV/√ms]

    def diffusion(t, y, args):
        return lineax.DiagonalLinearOperator(jax.tree.map(lambda a: jnp.full_like(a, strength), y))

    shapes = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), y0)
    path = diffrax.VirtualBrownianTree(0.0, 40.0, tol=0.1, shape=shapes, key=jax.random.key(2))
    terms = diffrax.MultiTerm(
        diffrax.ODETerm(lambda t, y, args: cell.vector_field(t, y, drive)), diffrax.ControlTerm(diffusion, path)
    )
    end = diffrax.diffeqsolve(terms, solver, 0.0, 40.0, dt0=0.2, y0=y0).ys
    deviation = 4.0 * 0.9 / np.sqrt(20.0)
    np.testing.assert_allclose(end.V.mean(), 2.0 * (1.0 - np.exp(-4.0)), atol=4.0 * deviation / np.sqrt(2000))
    np.testing.assert_allclose(end.V.std(), deviation, rtol=0.07)


def test_what_is_wrong_is_said():
    make = dp.sources.OrnsteinUhlenbeck
    with pytest.raises(KeyRequiredError):
        dp.DSRunner(make(2, 1.0), dt=0.1)
    with pytest.raises(KeyRequiredError):
        dp.DSRunner(dp.sources.WhiteNoise(2, 1.0), dt=0.1).run(1.0)
    with pytest.raises(ParameterError, match="tau"):
        make(2, 1.0, tau=0.0)
    with pytest.raises(ParameterError, match=r"start='rest'.*stationary"):
        make(2, 1.0, start="rest")
    with pytest.raises(ParameterError, match="finite"):
        dp.sources.WhiteNoise(2, np.inf)
