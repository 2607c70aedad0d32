"""Names, options and data with which no training is possible are refused."""

import numpy as np
import pytest
from small_training import X, Y, trainer

from dynplug.errors import DataError, OptionError, UnknownNameError, UnknownPathError
from dynplug.train.seeds import as_seed


def test_unknown_names_are_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match="Did you mean 'cross_entropy'"):
        trainer(loss_fun="cros_entropy")
    with pytest.raises(UnknownNameError, match="Did you mean 'accuracy'"):
        trainer(metrics=["acuracy"])
    with pytest.raises(UnknownNameError, match="Did you mean 'adam'"):
        trainer(optimizer={"type": "addam", "learning_rate": 1.0})
    with pytest.raises(UnknownPathError, match=r"Did you mean 'hidden\.tau'"):
        trainer(trainable={"hidden.tua": True})
    t = trainer()
    t.fit((X, Y), num_epoch=1)
    with pytest.raises(UnknownNameError, match="Did you mean 'loss'"):
        t.get_hist_metric(metric="los")
    with pytest.raises(UnknownNameError, match="Did you mean 'test'"):
        t.get_hist_metric("tets")
    with pytest.raises(OptionError, match="'detailed'"):
        t.get_hist_metric(which="all")


def test_options_that_make_no_sense_are_refused():
    with pytest.raises(OptionError, match=r"'B' \(batch, time"):
        trainer(data_first_axis="N")
    with pytest.raises(OptionError, match="optax"):
        trainer(optimizer=0.1)
    with pytest.raises(OptionError, match="neither a registered name nor a function"):
        trainer(loss_fun=3)
    with pytest.raises(OptionError, match="list of names"):
        trainer(metrics="accuracy")
    with pytest.raises(OptionError, match="loss_has_aux"):
        trainer(loss_has_aux=True).fit((X, Y), num_epoch=1)
    with pytest.raises(OptionError, match="The loss is a tuple"):
        trainer(loss_fun=lambda p, y: (p.mean(), {"rate": p.max()})).fit((X, Y), num_epoch=1)
    with pytest.raises(DataError, match="must be a scalar"):
        trainer(loss_fun=lambda p, y: p).fit((X, Y), num_epoch=1)


@pytest.mark.parametrize("seed", [2**32, 2**40, -1])
def test_a_seed_that_jax_would_cut_is_refused(seed):
    with pytest.raises(OptionError, match=rf"seed={seed} must be"):
        as_seed(seed)
    assert as_seed(2**32 - 1) == 2**32 - 1


@pytest.mark.parametrize(
    ("axis", "x", "y", "said"),
    [
        ("B", (20, 6, 3), (19,), "has [20] samples and y of shape [(19,)] has [19]"),
        ("B", (6, 20, 3), (20,), "is it data_first_axis='T'?"),
        ("T", (20, 6, 3), (20,), "is it data_first_axis='B'?"),
        ("T", (6, 20, 3), (20, 6, 2), "if time and batch of y are exchanged"),
        ("B", (6, 20, 3), (20, 6, 2), "if time and batch of y are exchanged"),
        ("B", (20,), (20,), "lacks a time or a sample axis"),
        ("B", (0, 6, 3), (0,), "there is no sample"),
        ("B", (20, 0, 3), (20,), "x of shape (20, 0, 3) has no time step"),
        ("T", (0, 20, 3), (20,), "x of shape (0, 20, 3) has no time step"),
    ],
)
def test_data_that_disagree_are_named_and_swapped_axes_recognised(axis, x, y, said):
    with pytest.raises(DataError) as error:
        trainer(data_first_axis=axis).fit((np.zeros(x), np.zeros(y)), num_epoch=1)
    assert said in str(error.value)


def test_a_prediction_needs_a_time_step():
    with pytest.raises(DataError, match=r"inputs of shape \(20, 0, 3\) have no time step"):
        trainer().predict(np.zeros((20, 0, 3), np.float32))


def test_data_of_another_form_are_refused():
    with pytest.raises(DataError, match="pair"):
        trainer().fit(X, num_epoch=1)
    for refused in (trainer().predict, lambda x, **size: trainer().fit((x, Y), num_epoch=1, **size)):
        with pytest.raises(OptionError, match="batch_size=0 must be a whole number"):
            refused(X, batch_size=0)
    with pytest.raises(DataError, match="do not fit predictions"):
        trainer().fit((X, np.zeros((20, 5, 2, 2), int)), num_epoch=1)
