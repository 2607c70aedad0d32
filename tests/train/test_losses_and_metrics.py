"""Losses and metrics: how they are given, what they may return, and where it is told."""

import io
from functools import partial

import jax.numpy as jnp
import numpy as np
import optax
import pytest
from small_training import X, Y, model, trainer

import dynplug as dp
from dynplug.errors import DataError, OptionError
from dynplug.train import BPTT


def test_a_loss_by_name_function_or_configuration_is_one_loss():
    forms = ["cross_entropy", "CrossEntropy", dp.losses.cross_entropy, {"type": "cross_entropy", "reduce_time": "mean"}]
    values = []
    for form in forms:
        t = trainer(loss_fun=form, data_first_axis="T")
        t.fit((X.swapaxes(0, 1), Y), num_epoch=1)
        values.append(t.get_hist_metric()[0])
    assert len(set(values)) == 1
    last = trainer(loss_fun={"type": "cross_entropy", "reduce_time": "last"})
    last.fit((X, Y), num_epoch=1)
    assert last.get_hist_metric()[0] != values[0]


@pytest.mark.parametrize(("axis", "shape"), [("B", (20, 6, 2)), ("T", (6, 20, 2))])
def test_a_loss_of_ones_own_sees_the_axes_of_the_data_and_may_log_more(axis, shape):
    seen = []

    def loss(predicts, targets):
        seen.append((predicts.shape, targets.shape))
        value = jnp.mean(predicts**2)
        return value, {"double": 2 * value}

    t = trainer(loss_fun=loss, loss_has_aux=True, data_first_axis=axis)
    t.fit((X if axis == "B" else X.swapaxes(0, 1), Y), num_epoch=2)
    assert seen[0] == (shape, (20,))
    np.testing.assert_allclose(t.get_hist_metric(metric="double"), 2 * t.get_hist_metric(), rtol=1e-6)


def test_metrics_are_means_over_samples_although_batches_differ_in_size():
    t = trainer(optimizer=optax.sgd(0.0), metrics=["accuracy", "cross_entropy"])  # which is the loss
    t.fit((X, Y), (X, Y), num_epoch=1, batch_size=8)  # 8 + 8 + 4
    right = np.mean(np.asarray(t.predict(X)).mean(1).argmax(-1) == Y)
    for phase in ("fit", "train", "test", "predict"):
        np.testing.assert_allclose(t.get_hist_metric(phase, "accuracy"), [right], rtol=1e-6)
        np.testing.assert_allclose(t.get_hist_metric(phase, "cross_entropy"), t.get_hist_metric(phase), rtol=1e-6)
    assert t.get_hist_metric("fit", "loss", "detailed").shape == (3,)


def test_a_line_per_epoch_goes_to_the_logger_and_reports_to_a_function(capsys):
    stream, reports = io.StringIO(), []
    t = trainer(logger=stream, metrics=["accuracy"])
    t.fit((X, Y), (X, Y), num_epoch=2, fun_after_report=lambda *report: reports.append(report))
    lines = stream.getvalue().splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("Epoch 2/2: fit loss ")
    assert f"test loss {t.get_hist_metric('test')[1]:.4g}" in lines[1]
    assert [(epoch, phase) for epoch, _, phase in reports] == [(1, "fit"), (1, "test"), (2, "fit"), (2, "test")]
    assert set(reports[0][1]) == {"loss", "accuracy", "seconds"}
    assert capsys.readouterr().out == ""
    BPTT(model(), "cross_entropy", dt=1.0).fit((X, Y), num_epoch=1)
    assert capsys.readouterr().out.startswith("Epoch 1/1: fit loss ")


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (None, "must be a number; its function returned None: does it end with a return"),
        ("low", "must be a number; its function returned a str"),
        ({"loss": 1.0}, "must be a number; its function returned a dict"),
    ],
)
def test_a_loss_or_metric_that_returns_no_number_is_named(returned, said):
    def odd(predicts, targets):
        return returned

    with pytest.raises(DataError, match=f"The loss {said}"):
        trainer(loss_fun=odd).fit((X, Y), num_epoch=1)
    with pytest.raises(DataError, match=f"What is logged as 'odd' {said}"):
        trainer(metrics=[odd]).fit((X, Y), num_epoch=1)


def test_a_loss_of_whole_numbers_has_no_gradient_but_a_metric_counts():
    def wrong(predicts, targets):
        return jnp.sum(jnp.argmax(predicts.mean(1), -1) != targets)

    with pytest.raises(DataError, match="The loss must be a real number, as an integer has no gradient"):
        trainer(loss_fun=wrong).fit((X, Y), num_epoch=1)
    trainer(metrics=[wrong]).fit((X, Y), num_epoch=1)


def test_what_is_logged_has_names_of_its_own():
    def first_is(predicts, targets, unit):
        return jnp.mean(jnp.argmax(predicts.mean(1), -1) == unit)

    def loss(predicts, targets):
        return jnp.mean(predicts**2), {"first_is": 0.0}

    t = trainer(metrics=[partial(first_is, unit=0)])
    t.fit((X, Y), num_epoch=1)
    assert 0.0 <= t.get_hist_metric("fit", "first_is") <= 1.0
    with pytest.raises(OptionError, match="there is more than one 'first_is'"):
        trainer(metrics=[partial(first_is, unit=0), partial(first_is, unit=1)])
    with pytest.raises(OptionError, match="cannot be called 'first_is'"):
        trainer(loss_fun=loss, loss_has_aux=True, metrics=[partial(first_is, unit=0)]).fit((X, Y), num_epoch=1)
    with pytest.raises(OptionError, match="cannot be called 'loss'"):
        trainer(loss_fun=lambda p, y: (p.mean(), {"loss": 1.0}), loss_has_aux=True).fit((X, Y), num_epoch=1)
    with pytest.raises(DataError, match="What is logged as 'spread' must be a scalar"):
        trainer(metrics=[spread]).fit((X, Y), num_epoch=1)


def spread(predicts, targets):
    return predicts.std(0)
