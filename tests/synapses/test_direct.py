"""Coupling without dynamics, in a linear network of rate units."""

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

import dynplug as dp
from dynplug.errors import ShapeError


@pytest.mark.claim(
    "linear-rate-network",
    "Five coupled rate units relax to the fixed point of their linear equation as the matrix exponential says, at "
    "steps of 0.02 ms (share of it)",
    tolerance=2e-3,
    reference="SciPy's matrix exponential",
    components=("synapse:Direct", "layer:Network", "neuron:LeakyIntegrator"),
)
def test_a_linear_network_of_rate_units_follows_the_matrix_exponential(x64, measured):
    tau, dt, steps = 10.0, 0.02, 1500
    W = np.random.default_rng(0).normal(size=(5, 5)) / 4
    I = np.array([1.0, 0.0, -0.5, 0.2, 0.0])  # noqa: E741
    edge = dp.Projection("r", "r", np.ones((5, 5)), weight=W, delay=dt, synapse=dp.synapses.Direct())
    net = dp.Network({"r": dp.neurons.LeakyIntegrator(5, tau=tau)}, {"w": edge}, input_to="r", output_from="r")
    _, r = dp.LoopOverTime(net, dt=dt)(jnp.tile(I, (steps, 1)))
    A = (W - np.eye(5)) / tau
    fixed = np.linalg.solve(np.eye(5) - W, I)
    exact = np.stack([fixed - scipy.linalg.expm(A * t) @ fixed for t in dt * np.arange(100, steps + 1, 100)])
    measured.difference(np.asarray(r)[99::100] / np.abs(fixed).max(), exact / np.abs(fixed).max())


def test_what_arrives_is_a_current_or_a_conductance_for_one_step():
    events = jnp.array([[2.0], [0.0]])
    _, drive = dp.LoopOverTime(dp.synapses.Direct(1), dt=0.1)(events)
    np.testing.assert_array_equal(drive.current, events)
    _, drive = dp.LoopOverTime(dp.synapses.Direct(1, output=dp.synapses.COBA(-70.0)), dt=0.1)(events)
    np.testing.assert_array_equal(drive.conductance, events)
    np.testing.assert_array_equal(drive.current, -70.0 * events)
    with pytest.raises(ShapeError, match=r"takes inputs of shape \(1,\), but was given \(2,\)"):
        dp.LoopOverTime(dp.synapses.Direct(1), dt=0.1)(jnp.ones((3, 2)))
