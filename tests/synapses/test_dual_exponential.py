"""The synapse with two time constants against its closed form."""

import numpy as np
import pytest

import dynplug as dp
from dynplug.errors import ParameterError
from dynplug.synapses import COBA, DualExponential


def kernel(t, rise, decay):
    """A difference of exponentials whose peak is 1."""
    peak = decay * rise / (decay - rise) * np.log(decay / rise)
    return (np.exp(-t / decay) - np.exp(-t / rise)) / (np.exp(-peak / decay) - np.exp(-peak / rise))


@pytest.mark.claim(
    "dual-exponential",
    "One event gives a difference of exponentials with its weight at the peak, rises of 0.5 to 8 ms (share of it)",
    tolerance=2e-6,
    reference="Roth, A. & van Rossum, M. C. W. (2009), doi:10.7551/mitpress/9780262013277.003.0007; closed form",
    components=("synapse:DualExponential",),
)
@pytest.mark.parametrize(("rise", "decay"), [(0.5, 5.0), (2.0, 10.0), (8.0, 4.0)])
def test_one_event_gives_a_difference_of_exponentials_with_its_weight_at_the_peak(x64, rise, decay, measured):
    dt, weight = 0.01, 0.7
    synapse = DualExponential(1, tau_rise=rise, tau_decay=decay)
    events = np.zeros((4000, 1))
    events[0] = weight
    _, (_, g) = dp.LoopOverTime(synapse, "g", dt=dt)(events)
    t = dt * np.arange(1, 4001)
    measured.difference(g[:, 0] / weight, kernel(t, rise, decay))
    assert np.max(g) / weight == pytest.approx(1.0, abs=1e-5)


def test_the_output_sees_the_conductance():
    _, current = dp.LoopOverTime(DualExponential(1), dt=0.1)(np.ones((5, 1)))
    _, both = dp.LoopOverTime(DualExponential(1, output=COBA(-80.0)), dt=0.1)(np.ones((5, 1)))
    np.testing.assert_allclose(both.conductance, current.current)
    np.testing.assert_allclose(both.current, -80.0 * current.current)


def test_equal_time_constants_are_refused():
    with pytest.raises(ParameterError, match=r"tau_rise and tau_decay are both 5\.0 ms; they must differ.*Alpha"):
        DualExponential(1, tau_rise=5.0, tau_decay=5.0)
