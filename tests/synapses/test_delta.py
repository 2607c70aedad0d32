import numpy as np
import pytest

import dynplug as dp
from dynplug.neurons import LIF, LeakyIntegrator
from dynplug.synapses import Delta


def run(system, w, dt):
    _, (out, V) = dp.LoopOverTime(system, out_vars="cell.V", dt=dt)(w)
    return np.asarray(out), np.asarray(V)


@pytest.mark.claim(
    "delta-jump",
    "An event through a delta synapse moves the potential by its weight, whatever the step",
    tolerance=0.0,
    unit="mV",
    reference="definition",
    components=("synapse:Delta", "neuron:LIF"),
)
@pytest.mark.parametrize("dt", [0.01, 1.0, 1000.0])
def test_an_event_moves_the_potential_at_once_by_exactly_its_weight(dt, measured):
    w = np.array([[0.5, -3.0, 0.125]], np.float32)
    _, V = run(dp.Sequential(synapse=Delta(3), cell=LIF(3)), w, dt)
    measured.difference(V, w)


@pytest.mark.parametrize("dt", [0.01, 1.0, 1000.0])
def test_an_event_crosses_the_threshold_in_the_step_in_which_it_arrives(dt):
    w = np.array([[0.0, 0.0, 0.0], [1.0, 0.999, 1.5], [0.0, 0.0, 0.0]], np.float32)
    spikes, V = run(dp.Sequential(synapse=Delta(3), cell=LIF(3, V_reset=-0.5)), w, dt)
    np.testing.assert_array_equal(spikes, [[0, 0, 0], [1, 0, 1], [0, 0, 0]])
    np.testing.assert_array_equal(V[1, [0, 2]], [-0.5, -0.5])


@pytest.mark.claim(
    "delta-sum",
    "Random events through delta synapses superpose and decay with the membrane",
    tolerance=1e-12,
    unit="mV",
    reference="Gerstner, W. et al. (2014), Neuronal Dynamics, section 1.3, doi:10.1017/CBO9781107447615; closed form",
    components=("synapse:Delta", "neuron:LeakyIntegrator"),
)
@pytest.mark.parametrize("dt", [0.1, 4.0])
def test_jumps_superpose_and_decay_with_the_membrane(x64, dt, measured):
    rng = np.random.default_rng(0)
    w = rng.normal(size=(100, 3)) * (rng.random((100, 3)) < 0.2)
    _, V = run(dp.Sequential(synapse=Delta(3), cell=LeakyIntegrator(3, tau=8.0, R=50.0, V_rest=-65.0)), w, dt)
    since = (np.arange(100)[:, None] - np.arange(100)) * dt
    kernel = np.where(since >= 0, np.exp(-np.maximum(since, 0.0) / 8.0), 0.0)
    measured.difference(V, -65.0 + kernel @ w)


def test_it_puts_out_a_jump_alone_for_a_target_of_its_size():
    drive = dp.LoopOverTime(Delta((2, 3)), dt=1.0)(np.full((1, 2, 3), 2.0, np.float32))[1]
    assert drive.current is None
    assert drive.conductance is None
    np.testing.assert_array_equal(drive.jump, np.full((1, 2, 3), 2.0))
    with pytest.raises(dp.errors.ShapeError):
        Delta((2, 3)) >> LIF(3)


def test_it_refuses_events_for_another_number_of_units():
    with pytest.raises(dp.errors.ShapeError, match=r"\(3,\) units.*shape \(4,\)"):
        dp.LoopOverTime(Delta(3), dt=1.0)(np.ones((2, 4), np.float32))
