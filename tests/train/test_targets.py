"""Targets are looked at before they train anything, and what is ignored has no weight in an epoch."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynplug as dp
from dynplug.errors import DataError, DataWarning

IGNORING = {"type": "cross_entropy", "ignore_index": -1}, {"type": "accuracy", "ignore_index": -1}


def as_arrays(x, y):
    return x, y


def as_batches(x, y):
    return [(x[:10], y[:10]), (x[10:], y[10:])]


def as_function(x, y):
    return lambda: (x, y)


@pytest.mark.parametrize("given", [as_arrays, as_batches, as_function])
@pytest.mark.parametrize("wrong", [-1, 2, 300])
def test_labels_that_no_class_has_are_refused_before_they_train_anything(trainer, data, given, wrong):
    x, y = data
    bad = np.array(y)
    bad[3] = wrong
    trained = trainer()
    before = trained.target
    with pytest.raises(DataError, match=rf"train_data.*got {wrong} for sample 3"):
        trained.fit(given(x, bad), num_epoch=1)
    np.testing.assert_array_equal(trained.target["readout"].weight, before["readout"].weight)


def test_labels_of_test_data_are_refused_before_training(trainer, data):
    trained = trainer(loss_fun=lambda p, y: jnp.mean(p**2), metrics=["accuracy"])
    with pytest.raises(DataError, match=r"test_data: accuracy: .*got 2 for sample 1 .*count from 1"):
        trained.fit(data, (data[0], data[1] + 1), num_epoch=1)
    assert trained.epoch == 0


@pytest.mark.parametrize("axis", ["B", "T"])
def test_the_sample_and_the_step_are_named_whatever_the_axes(net, axis):
    x, y = np.zeros((5, 7, 3), np.float32), np.zeros((5, 7), int)
    y[2, 4] = 9
    if axis == "T":
        x, y = x.swapaxes(0, 1), y.swapaxes(0, 1)
    trainer = dp.BPTT(net(), "cross_entropy", dt=1.0, data_first_axis=axis, logger=None)
    with pytest.raises(DataError, match="got 9 for sample 2, step 4 "):
        trainer.fit((x, y), num_epoch=1)


def test_without_a_time_axis_too():
    model = dp.layers.Dense(3, 2, key=jax.random.key(0))
    trainer = dp.BPFF(model, "cross_entropy", logger=None)
    with pytest.raises(DataError, match="got 2 for sample 1 "):
        trainer.fit((np.zeros((3, 3), np.float32), np.array([0, 2, 1])), num_epoch=1)
    with pytest.raises(DataError, match="one_hot=True"):
        trainer.fit((np.zeros((3, 3), np.float32), np.eye(2, dtype=int)[[0, 1, 0]]), num_epoch=1)


def test_targets_that_are_not_finite_are_refused(trainer, data):
    y = np.zeros((20, 2), np.float32)
    y[7, 1] = np.nan
    with pytest.raises(DataError, match=r"train_data: mse takes finite targets; got nan for sample 7, at \[1\]"):
        trainer(loss_fun="mse").fit((data[0], y), num_epoch=1)


def test_named_targets_are_refused_by_what_takes_one_array(trainer, data):
    x, y = data
    trained = trainer(loss_fun=lambda p, t: dp.losses.cross_entropy(p, t["label"]), metrics=["accuracy"])
    with pytest.raises(DataError, match=r"accuracy takes one array of targets; got 'label'.*targets\['label'\]"):
        trained.fit((x, {"label": y}), num_epoch=1)


def test_a_loss_of_ones_own_may_be_marked_with_a_check(trainer, data):
    def check(predicts, targets, *, least):
        assert (predicts.shape, predicts.dtype) == ((20, 6, 2), np.float32)
        if targets.min() < least:
            raise DataError(f"below {least}: {targets.min()}")

    @dp.losses.checked_by(check)
    def loss(predicts, targets, *, least):
        return jnp.mean(predicts**2)

    trained = trainer(loss_fun=partial(loss, least=0))
    trained.fit(data, num_epoch=1)
    with pytest.raises(DataError, match="train_data: below 0: -1"):
        trained.fit((data[0], data[1] - 1), num_epoch=1)


def test_what_is_ignored_has_no_weight_in_an_epoch(trainer, data):
    """The epoch's means are those over labelled samples, however they fall into batches."""
    x, y = data
    y = np.where(np.arange(20) < 7, -1, y)
    loss, accuracy = IGNORING
    trained = trainer(loss_fun=loss, metrics=[accuracy], optimizer=dp.build({"type": "sgd", "learning_rate": 0.0}))
    trained.fit((x, y), (x, y), num_epoch=1, batch_size=5)
    whole = trainer(metrics=["accuracy"], optimizer=dp.build({"type": "sgd", "learning_rate": 0.0}))
    whole.fit((x[7:], y[7:]), (x[7:], y[7:]), num_epoch=1)
    for phase in ("fit", "test"):
        for metric in ("loss", "accuracy"):
            found, expected = (t.get_hist_metric(phase, metric) for t in (trained, whole))
            np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_weights_of_an_epoch_survive_a_checkpoint(trainer, data, tmp_path):
    x, y = data
    y = np.where(np.arange(20) < 7, -1, y)
    trained = trainer(loss_fun=IGNORING[0])
    trained.fit((x, y), num_epoch=1, batch_size=5)
    trained.save_states(tmp_path / "it")
    other = trainer(loss_fun=IGNORING[0])
    other.load_states(tmp_path / "it")
    assert other.get_hist_metric() == trained.get_hist_metric()


def test_an_epoch_without_any_label_says_so(trainer, data):
    x, y = data
    loss, _ = IGNORING
    with pytest.warns(DataWarning, match=r"None of the 20 samples of this epoch has a label.*and nothing was trained"):
        trainer(loss_fun=loss).fit((x, np.full_like(y, -1)), num_epoch=1)
    with pytest.warns(DataWarning, match="None of the 20 samples of this test has a label"):
        trainer(loss_fun=loss).fit(data, (x, np.full_like(y, -1)), num_epoch=1)
    some = np.concatenate([np.full(10, -1), y[10:]])
    t = trainer(loss_fun=loss, shuffle_data=False)
    t.fit((x, some), num_epoch=1, batch_size=10)  # one batch without a label is not worth a word
    assert np.isfinite(t.get_hist_metric()).all()
