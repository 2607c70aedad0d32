"""Coupled phase oscillators against Kuramoto's theory."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq

import dynplug as dp

REFERENCE = "Kuramoto, Y. (1984), chapter 5, doi:10.1007/978-3-642-69689-3; closed form"
ONSET = "Strogatz, S. H. (2000), From Kuramoto to Crawford, doi:10.1016/S0167-2789(00)00094-4; closed form"


def pair(omega, weight, dt, T, delay=None, start=0.0):
    """The phases (time, 2) of two oscillators that reach each other."""
    both = (np.array([0, 1]), np.array([1, 0]))
    unit = dp.neurons.Kuramoto(2, omega=np.asarray(omega), theta_init=start)
    net = dp.Network(
        {"A": unit}, {"K": dp.Coupling("A", "A", both, weight=weight, form="sine", delay=delay)}, output_from="A"
    )
    return np.asarray(dp.LoopOverTime(net, dt=dt)(T)[1], float)


@pytest.mark.claim(
    "kuramoto-locking",
    "Two phase oscillators lock at the phase difference whose sine is that of their frequencies over twice the weight",
    tolerance=1e-12,
    unit="rad",
    reference=REFERENCE,
    components=("neuron:Kuramoto",),
)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_two_oscillators_lock_where_coupling_balances_their_frequencies(share, x64, measured):
    weight = 0.02
    theta = pair([0.25, 0.25 + 2 * weight * share], weight, 0.5, 4000.0)
    ahead = np.angle(np.exp(1j * (theta[:, 1] - theta[:, 0])))
    measured.difference(ahead[-100:], np.arcsin(share))
    together = np.angle(np.exp(1j * np.diff(theta[-100:], axis=0))) / 0.5
    np.testing.assert_allclose(together, 0.25 + weight * share, rtol=1e-10)


@pytest.mark.claim(
    "kuramoto-beats",
    "Beyond locking, the phase difference of two oscillators slips with the period of the closed form (relative)",
    tolerance=1e-6,
    reference="Adler, R. (1946), doi:10.1109/JRPROC.1946.229930; closed form",
    components=("neuron:Kuramoto",),
)
def test_two_oscillators_that_do_not_lock_slip_with_the_period_of_adlers_equation(x64, measured):
    apart, weight, dt = 0.05, 0.02, 0.02
    theta = pair([0.25, 0.25 + apart], weight, dt, 2000.0)
    ahead = np.unwrap(theta[:, 1] - theta[:, 0])
    slips = np.interp(2 * np.pi * np.arange(1, 10), ahead, dt * np.arange(1, len(ahead) + 1))
    measured.relative(np.diff(slips).mean(), 2 * np.pi / np.sqrt(apart**2 - (2 * weight) ** 2))


@pytest.mark.claim(
    "kuramoto-delay",
    "Two oscillators with a delay between them turn in step at the frequency that solves its equation (relative)",
    tolerance=1e-10,
    reference="Schuster, H. G. & Wagner, P. (1989), doi:10.1143/PTP.81.939; root by SciPy",
    components=("neuron:Kuramoto",),
)
@pytest.mark.parametrize("delay", [2.0, 5.0])
def test_a_delay_changes_the_frequency_at_which_two_oscillators_turn(delay, x64, measured):
    omega, weight, dt = 0.25, 0.05, 0.5
    theta = pair([omega, omega], weight, dt, 1000.0, delay=delay)
    found = np.angle(np.exp(1j * (theta[-1] - theta[-2]))) / dt
    measured.relative(found, brentq(lambda f: omega - weight * np.sin(f * delay) - f, 0.1, 0.4, xtol=1e-15))


@pytest.mark.claim(
    "kuramoto-onset",
    "The order parameter of 800 oscillators with Lorentzian frequencies is 0 up to the critical coupling, then "
    "sqrt(1 - Kc / K)",
    tolerance=0.015,
    reference=ONSET,
    components=("neuron:Kuramoto", "layer:Network"),
)
def test_synchrony_begins_at_the_critical_coupling(measured):
    """The critical coupling is 2 / (pi g(0)), and the peak of a Lorentzian of width gamma is g(0) = 1 / (pi gamma)."""
    n, gamma, dt, steps, settled = 800, 0.05, 0.25, 2800, 1600
    omega = gamma * np.tan(np.pi * ((np.arange(n) + 0.5) / n - 0.5))  # quantiles, so that no draw is needed
    start = np.random.default_rng(0).uniform(-np.pi, np.pi, n)
    critical = 2 / (np.pi * (1 / (np.pi * gamma)))
    unit = dp.neurons.Kuramoto(n, omega=omega, theta_init=start)
    edge = dp.Coupling("A", "A", "AllToAll", weight=jnp.zeros(()), form="sine")
    net = dp.Network({"A": unit}, {"K": edge}, output_from="A")

    def order(K):
        coupled = eqx.tree_at(lambda net: net["K"].weight, net, jnp.asarray(K / n, jnp.float32))
        _, theta = dp.LoopOverTime(coupled, dt=dt)(dt * steps)
        return dp.measures.order_parameter(theta[settled:]).mean()

    for ratio in (1.5, 2.0, 4.0):
        measured.difference(order(ratio * critical), np.sqrt(1 - 1 / ratio))
    assert order(0.5 * critical) < 3 / np.sqrt(n)
