import re

import numpy as np
import pytest

import dynplug as dp
from dynplug.plot.portraits import DRAWERS
from dynplug.plugin import KINDS

ONES = {
    "neuron": "LIF",
    "synapse": "Exponential",
    "layer": "Delay",
    "source": "Poisson",
    "loss": "mse",
    "runner": "LoopOverTime",
    "surrogate": "Triangle",
    "integrator": "Heun",
    "initializer": "Normal",
    "connector": "FixedInDegree",
    "encoder": "Latency",
    "plasticity": "PairSTDP",
    "delivery": "gather",
    "optimizer": "sgd",
    "schedule": "linear_schedule",
    "observer": "EarlyStopping",
    "metric": "accuracy",
    "sampler": "random",
    "launcher": "serial",
    "diagnostic": "Silence",
    "task": "digits",
}


def curves(figure):
    return {line.get_label(): line.get_xydata().T for ax in figure.axes for line in ax.lines}


def panel(figure, n):
    return figure.axes[n].lines[0].get_xydata().T


def check(figure):
    """Something is drawn, and every axis says what it shows, with its unit."""
    figure.canvas.draw()
    for ax in figure.axes:
        labels = [label for label in (ax.get_xlabel(), ax.get_ylabel()) if label]
        assert ax.has_data()
        assert labels
        assert all(re.search(r"\[[^\]]+\]|step being", label) for label in labels), labels


def test_every_kind_has_a_drawer_that_says_what_is_seen():
    assert DRAWERS.keys() == KINDS.keys() == ONES.keys()
    assert all(dp.plot.caption(kind, name).endswith(".") for kind, name in ONES.items())


@pytest.mark.parametrize("kind", KINDS)
def test_a_component_of_each_kind_is_drawn(kind):
    check(dp.plot.portrait(kind, ONES[kind]))


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        *(("layer", name) for name in ("TDBatchNorm", "TEBatchNorm", "BatchNormThroughTime")),
        *(("loss", name) for name in ("first_spike", "spike_count")),
        *(("metric", name) for name in ("per_class_accuracy", "top_k_accuracy")),
    ],
)
def test_what_needs_statistics_or_other_targets_is_drawn(kind, name):
    check(dp.plot.portrait(kind, name))


def test_a_matrix_of_counts_is_drawn_as_one():
    figure = dp.plot.portrait("metric", "confusion_matrix")
    labels = [ax.get_xlabel() or ax.get_ylabel() for ax in figure.axes]
    assert labels == ["answer [index]", "confusion_matrix [-]"]
    counts = figure.axes[0].images[0].get_array()
    assert counts.shape == (10, 10)
    assert counts.sum() == 400
    assert np.trace(counts) > counts.sum() / 10


def test_the_window_of_a_rule_is_the_closed_form_on_both_sides():
    figure = dp.plot.portrait("plasticity", dp.plasticity.PairSTDP(10.0, 30.0, A_plus=0.02, A_minus=0.01))
    before, after = (line.get_xydata().T for line in figure.axes[0].lines[-2:])
    np.testing.assert_allclose(before[1], -0.01 * np.exp(before[0] / 30.0), atol=1e-6)
    np.testing.assert_allclose(after[1], 0.02 * np.exp(-after[0] / 10.0), atol=1e-6)


def test_a_delivery_is_drawn_with_the_sum_and_the_derivative_of_a_matrix():
    figure = dp.plot.portrait("delivery", "events")
    (sums, by_matrix), (slopes,) = (
        [line.get_ydata() for line in axis.lines if len(line.get_ydata()) > 2] for axis in figure.axes
    )
    np.testing.assert_allclose(sums, by_matrix, atol=1e-5)
    assert np.count_nonzero(slopes) > 35  # of 40 units, most of which send nothing


def test_the_second_of_two_spikes_is_drawn_smaller_than_the_first():
    interval, ratio = panel(dp.plot.portrait("layer", dp.plasticity.TsodyksMarkram(1, U=0.4, tau_d=200.0)), 1)
    np.testing.assert_allclose(ratio, 1 - 0.4 * np.exp(-interval / 200.0), rtol=1e-5)


def test_the_rate_of_a_neuron_is_the_closed_form():
    current, rate = panel(dp.plot.portrait("neuron", dp.neurons.LIF(1, tau=20.0)), 1)
    above = current > 1.1
    interval = 20.0 * np.log(current[above] / (current[above] - 1.0))
    np.testing.assert_allclose(rate[above], 1000.0 / interval, rtol=0.02)
    assert not rate[current < 1.0].any()


def test_a_neuron_without_spikes_is_drawn_under_three_currents():
    figure = dp.plot.portrait("neuron", dp.neurons.LeakyIntegrator(1, R=3.0))
    check(figure)
    np.testing.assert_allclose(panel(figure, 1), [[0.5, 1.0, 2.0], [1.5, 3.0, 6.0]], rtol=1e-3)


def test_a_jump_reaches_a_neuron_whole():
    figure = dp.plot.portrait("synapse", dp.synapses.Delta(1))
    check(figure)
    assert figure.axes[0].get_ylabel() == "jump [mV]"
    assert panel(figure, 1)[1].max() == pytest.approx(1.0, abs=0.02)


def test_the_smallest_move_of_a_potential_is_drawn_as_exactly_as_a_large_one():
    def move(E):
        synapse = dp.synapses.Exponential(1, output=dp.synapses.COBA(E))
        return panel(dp.plot.portrait("synapse", synapse), 1)[1]

    small, large = move(-65.0 + 1e-4), move(-64.0)  # the equation is linear in E + 65 mV
    np.testing.assert_allclose(1e4 * small, large, rtol=0, atol=1e-6)


def test_the_error_of_an_integrator_falls_at_its_order():
    step, error = curves(dp.plot.portrait("integrator", "Bosh3"))["error"]
    assert np.log2(error[-2] / error[-1]) == pytest.approx(3.0, abs=0.1)
    assert step[0] > step[-1]


def test_a_source_is_drawn_with_its_integral():
    for name, last in (("SpikeTimes", "spikes [number]"), ("WhiteNoise", "charge [pC]")):
        figure = dp.plot.portrait("source", name)
        check(figure)
        assert figure.axes[1].get_ylabel() == last
    spikes = dp.plot.portrait("source", dp.sources.SpikeTimes(2, [10.0, 20.0, 30.0], [0, 1, 0]))
    assert [line.get_ydata()[-1] for line in spikes.axes[1].lines] == [2.0, 1.0]


def test_a_layer_with_weights_shows_them():
    figure = dp.plot.portrait("layer", dp.layers.Dense(3, 2, W_initializer=np.eye(2, 3, dtype=np.float32)))
    check(figure)
    assert figure.axes[1].images[0].get_array().tolist() == np.eye(2, 3).tolist()
    assert panel(figure, 0)[1].max() == 1.0


def test_a_trainer_learns_and_a_class_may_be_given():
    figure = dp.plot.portrait("runner", dp.BPFF)
    check(figure)
    _, loss = panel(figure, 0)
    assert loss[-1] < 0.5 * loss[0]


def test_an_observer_is_drawn_with_and_without_it():
    drawn = curves(dp.plot.portrait("observer", dp.train.EarlyStopping(patience=2)))
    assert len(drawn["with it"][0]) < len(drawn["without it"][0])


def test_a_function_and_a_measure_of_classes_or_values_are_drawn():
    lead, loss = panel(dp.plot.portrait("loss", dp.losses.cross_entropy), 0)
    np.testing.assert_allclose(loss, np.log1p(np.exp(-lead)), rtol=1e-4)
    error, loss = panel(dp.plot.portrait("loss", dp.losses.mae), 0)
    np.testing.assert_allclose(loss, np.abs(error), atol=0.01)


def test_a_class_may_draw_itself():
    @dp.register("surrogate", "self-drawn")
    class Drawn(dp.surrogates.Surrogate):
        height: float = 2.0

        def derivative(self, x):
            return self.height * x

        def portrait(self, figure):
            """Its height alone."""
            figure.subplots().plot([0.0, 1.0], [self.height, self.height])

    assert panel(dp.plot.portrait("surrogate", "self-drawn"), 0)[1].tolist() == [2.0, 2.0]
    assert panel(dp.plot.portrait("surrogate", Drawn(3.0)), 0)[1].tolist() == [3.0, 3.0]
    assert dp.plot.caption("surrogate", "self-drawn") == "Its height alone."
    dp.refresh()


def test_an_unknown_name_is_answered_as_everywhere():
    with pytest.raises(dp.errors.UnknownNameError, match="Did you mean 'LIF'"):
        dp.plot.portrait("neuron", "LIFF")
