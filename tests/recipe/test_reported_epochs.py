"""Which epoch of a training a report tells of."""

import numpy as np
from planted_trainer import Planted, X
from read_pages import written

from dynplug.recipe.report import Reported
from dynplug.train.fit import BestEpoch


def test_the_best_epoch_is_that_of_keep_best_or_else_by_the_first_metric():
    t = Planted().measured(test={"loss": [3.0, 1.0, 2.0], "accuracy": [0.5, 0.6, 0.9]}, fit={"loss": [9.0, 8.0, 7.0]})
    assert Reported("t", t, None).best == BestEpoch("test/accuracy", "max", 0.9, 3)
    t.best = BestEpoch("test/loss", "min", 1.0, 2)
    assert Reported("t", t, None).best == t.best
    odd = Planted().measured(test={"oddness": [1.0, 2.0], "loss": [np.nan, 5.0]}, fit={"loss": [1.0, 2.0]})
    assert Reported("t", odd, None).best == BestEpoch("test/loss", "min", 5.0, 2)
    untested = Planted().measured(fit={"loss": [2.0, 1.0]})
    assert Reported("t", untested, None).best == BestEpoch("fit/loss", "min", 1.0, 2)
    assert Reported("t", Planted(), None).best is None


def test_the_page_says_of_which_epoch_the_model_is(tmp_path):
    t = Planted().measured(test={"loss": [3.0, 1.0, 2.0]})
    assert Reported("t", t, None).epoch_of_model == 3
    t.best = BestEpoch("test/loss", "min", 1.0, 2)
    assert Reported("t", t, None).epoch_of_model == 3
    t.best = BestEpoch("test/loss", "min", 1.0, 2, restores=True)
    restored = Reported("t", t, (X, X), (X, X), ended="It was stopped.")
    found, _, _ = written(tmp_path, restored)
    assert "The model in the run folder, which is the one shown below, is that of epoch 2." in found.text
    assert "It was stopped." in found.text
    assert "of the model of epoch 2." in found.text


def test_without_an_epoch_there_is_a_page(tmp_path):
    found, _, _ = written(tmp_path, Reported("t", Planted(), (X, X), ended="The training ended with an error."))
    assert "No epoch was finished, so that nothing was measured." in found.text
    assert "The training ended with an error." in found.text
    assert "for less than an epoch." in found.text
