"""Next generation reservoir computing as a tutorial builds it: NVAR, which is not trained, and a dense readout."""

import numpy as np
import pytest
from dynplug_reservoir import NVAR, RidgeTrainer
from dynplug_reservoir.lorenz63 import lorenz63

import dynplug as dp
from dynplug.errors import NoTrainableParametersError

FIRST = 15  # steps until all four taps, five steps apart, are there


@pytest.fixture(scope="module")
def series():
    """A scaled trajectory of Lorenz's system, and its next step."""
    states = lorenz63(1001, 0.025)
    states = ((states - states.mean(axis=0)) / states.std(axis=0)).astype(np.float32)
    return states[None, :-1], states[None, 1:]


def ngrc():
    features = NVAR(3, delay=4, order=2, stride=5)
    return dp.Sequential(r=features, o=dp.layers.Dense(*features.out_size, 3, W_initializer=0.0))


def test_its_only_parameters_are_those_of_the_readout():
    model = ngrc()
    linear = 3 * 4
    assert model["o"].in_size == (1 + linear + linear * (linear + 1) // 2,)
    assert set(dp.train_vars(model)) == {"o.weight", "o.bias"}
    assert list(dp.nodes(model)) == ["", "r", "o"]


def test_it_needs_no_mode_but_alone_there_is_nothing_to_train():
    with pytest.raises(NoTrainableParametersError, match="Nothing in this NVAR is trainable"):
        dp.BPTT(NVAR(1, delay=1), "mse", dt=1.0)


@pytest.mark.claim(
    "ngrc-step",
    "Next generation reservoir computing forecasts a step of Lorenz's system: error as a share of that of no change",
    tolerance=0.02,
    reference="SciPy's solution",
    components=("layer:NVAR", "runner:RidgeTrainer"),
)
def test_ridge_regression_forecasts_a_step(series, measured):
    x, y = series
    trainer = RidgeTrainer(ngrc(), dt=1.0, alpha=1e-6, washout=FIRST, logger=None)
    trainer.fit((x[:, :700], y[:, :700]))
    error = trainer.predict(x)[:, 700:] - y[:, 700:]
    unchanged = x[:, 700:] - y[:, 700:]
    measured(np.sqrt(np.mean(error**2)) / np.sqrt(np.mean(unchanged**2)))


def test_gradients_learn_the_same_readout_slowly(series):
    x, y = series
    optimizer = {"type": "adam", "learning_rate": 3e-3}
    trainer = dp.BPTT(ngrc(), "mse", optimizer, dt=1.0, logger=None, progress_bar=False)
    trainer.fit((x, y), num_epoch=400)
    assert trainer.get_hist_metric()[-1] < 0.05  # of a variance of one
