"""Rate units that draw themselves."""

import numpy as np
import pytest

import dynplug as dp


def test_a_strong_pull_locks_an_oscillator_and_weak_ones_let_it_slip():
    figure = dp.plot.portrait("neuron", dp.neurons.Kuramoto(1, omega=0.3))
    weak, middle, strong = (line.get_ydata() for line in figure.axes[0].lines)
    assert strong[-1] == pytest.approx(np.arcsin(0.02 / 0.03), abs=1e-3)
    assert weak[-1] > 4 * np.pi > middle[-1] > np.pi


def test_a_pair_of_populations_is_drawn_on_its_cycle():
    figure = dp.plot.portrait("neuron", dp.neurons.WilsonCowan((1, 2)))
    (r_E, r_I), plane = (line.get_ydata() for line in figure.axes[0].lines), figure.axes[1].lines[0]
    assert np.ptp(r_E[-600:]) > 0.1
    np.testing.assert_array_equal(plane.get_xydata(), np.stack([r_E, r_I], axis=-1))
