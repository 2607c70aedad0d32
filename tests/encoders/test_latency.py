import numpy as np
import pytest
from checked_annotations import unchecked

from dynplug import errors
from dynplug.encoders import Latency

X = np.random.default_rng(0).random((20, 30)).astype(np.float32)


def raster(n, steps, fires):
    """One spike at each value's step, if that is within the n steps."""
    expected = np.zeros((n, *steps.shape), bool)
    where = fires & (steps < n)
    expected[steps.astype(int)[where], *np.nonzero(where)] = True
    return expected


@pytest.mark.claim(
    "latency-linear",
    "Latency puts each value's spike at the rounded share of the time",
    tolerance=0.0,
    unit="spikes",
    reference="definition, in NumPy",
    components=("encoder:Latency",),
)
@pytest.mark.parametrize("n", [1, 10, 101])
def test_linear_code_spikes_at_the_rounded_share_of_the_time(n, measured):
    found = Latency(n)(X)
    assert found.dtype == bool
    steps = np.round((np.float32(1.0) - X) * np.float32(n - 1))
    measured.difference(found, raster(n, steps, X > 0.01))


def test_linear_code_puts_1_first_and_what_is_just_above_the_threshold_last():
    found = Latency(11, threshold=0.0)(np.array([1.0, 0.5, 0.001]))
    np.testing.assert_array_equal(found.argmax(0), [0, 5, 10])


@pytest.mark.claim(
    "latency-logarithmic",
    "Latency's logarithmic code spikes when a leaky integrator would reach the threshold",
    tolerance=0.0,
    unit="spikes",
    reference="Gerstner, W. et al. (2014), Neuronal Dynamics, section 1.3, doi:10.1017/CBO9781107447615; closed form",
    components=("encoder:Latency",),
)
@pytest.mark.parametrize("tau", [5.0, 20.0])
@pytest.mark.parametrize("threshold", [0.01, 0.3])
def test_logarithmic_code_spikes_when_a_leaky_integrator_reaches_the_threshold(x64, tau, threshold, measured):
    n, x = 200, X.astype(float)
    fires = x > threshold
    # V = x (1 - exp(-t / tau)) = threshold, measured from the time of x = 1
    late = np.where(fires, x, 1.0)
    time = -tau * np.log1p(-threshold / late) + tau * np.log1p(-threshold)
    measured.difference(Latency(n, threshold=threshold, tau=tau)(x), raster(n, np.round(time), fires))


def test_logarithmic_code_puts_1_first():
    assert Latency(10, tau=3.0)(np.array([1.0]))[0, 0]


@pytest.mark.parametrize("tau", [None, 5.0])
def test_values_up_to_the_threshold_are_silent(x64, tau):
    found = Latency(1000, threshold=0.2, tau=tau)(np.array([0.0, 0.1, 0.2, 0.2001, 1.0]))
    np.testing.assert_array_equal(found.sum(0), [0, 0, 0, 1, 1])


def test_values_may_have_any_shape_and_be_a_list():
    assert Latency(4)(0.5).shape == (4,)
    np.testing.assert_array_equal(Latency(2)([1.0, 0.0, 0.4]), [[True, False, False], [False, False, True]])


@pytest.mark.parametrize(
    "bad", [{"num_step": 0}, {"num_step": 10.5}, {"threshold": -0.1}, {"threshold": 1.0}, {"tau": 0.0}, {"tau": -5.0}]
)
def test_impossible_parameters_are_refused(bad):
    with pytest.raises(errors.ParameterError, match=next(iter(bad))), unchecked():
        Latency(**({"num_step": 5} | bad))
