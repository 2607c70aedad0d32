"""What a report says of the rates at which layers spike."""

import numpy as np
from planted_trainer import Planted, X
from read_pages import written

from dynplug.recipe.report import Reported
from dynplug.recipe.report.layer_activity import layer_activity


def test_rates_of_layers_that_were_tracked_are_one_figure_in_hertz(tmp_path):
    rates = {"spike_rate/first": [0.01, 0.02], "spike_rate/second": [0.03, 0.005]}
    tracked = Planted().measured(fit={"loss": [2.0, 1.0]}, test={"loss": [2.0, 1.0], **rates})
    found, text, _ = written(tmp_path, Reported("t", tracked, (X, X), (X, X)))
    (about,) = (one for one in found.figures if one.startswith("spike rates"))
    assert about == "spike rates: mean rate of each layer by epoch, in the end first 20, second 5 Hz."
    assert "rate [Hz]" in text
    assert not any(one.startswith("spike_rate") for one in found.figures)
    assert not any("spike_rate" in name for name, *_ in found.rows)  # they are in a figure, in Hz


def test_spike_rates_are_those_of_the_steps_that_count():
    lengths = np.array([6, 2, 3, 6, 1, 5, 4, 6])
    reported = Reported("t", Planted(), (X, X, lengths))
    ((layer,), count) = layer_activity(reported)
    valid = np.arange(6)[None] < lengths[:, None]
    rates = ((X > 0.5) & valid[..., None]).sum((0, 1)) / (valid.sum() * 0.5e-3)
    np.testing.assert_allclose(layer.rates, rates, rtol=1e-6)
    assert count == 8
    second = Reported("t", Planted(), (X[4:], X[4:], lengths[4:]))
    np.testing.assert_array_equal(layer_activity(second)[0][0].spikes, X[4, :1] > 0.5)


def test_spike_rates_are_in_the_page_by_layer(tmp_path):
    x = X.copy()
    x[..., 1] = 0.0
    found, _, _ = written(tmp_path, Reported("t", Planted(), (x, x)))
    rates = (x > 0.5).mean((0, 1)) / 0.5e-3
    shown = [f"{n:.4g}" for n in (rates.mean(), np.median(rates), rates.max())]
    assert found.row("the model") == ["the model", "3", *shown, f"{100 / 3:.3g} %"]
    assert "Means over the first 8 samples of the training data" in found.text
