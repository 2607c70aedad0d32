"""The learning-rate finder, against steps that are written out."""

import pickle

import numpy as np
import optax
import pytest
from checked_annotations import unchecked

import dynplug as dp
from dynplug.errors import OptionError
from dynplug.train import find_learning_rate

LOWEST, HIGHEST, STEPS, CURVATURE = 1e-3, 10.0, 41, 4.0
X, Y = np.full((1, 1), 2.0), np.full((1, 1), 6.0)  # loss (2w - 6)^2, which sgd minimises in one step at 1/8
SGD = {"type": "sgd", "learning_rate": 1.0}


def trainer(optimizer=SGD, **options):
    layer = dp.layers.Dense(1, 1, W_initializer=1.0, b_initializer=None)
    return dp.BPFF(layer, "mse", optimizer, logger=None, progress_bar=False, **options)


def sweep(t=None, data=(X, Y), **options):
    options = {"lowest": LOWEST, "highest": HIGHEST, "steps": STEPS, "stop_at": 1e6, **options}
    return find_learning_rate(t or trainer(), data, **options)


def written_out(rates):
    """The losses of gradient descent: the error is multiplied by 1 - 8 rate in each step."""
    shrink = np.concatenate([[1.0], np.cumprod(1.0 - 2.0 * CURVATURE * rates[:-1])])
    return (4.0 * shrink) ** 2


@pytest.mark.claim(
    "learning-rate-sweep",
    "The losses of a sweep of learning rates are those of gradient descent written out (relative)",
    tolerance=2e-4,
    reference="Smith, L. N. (2017), doi:10.1109/WACV.2017.58; NumPy",
    components=("runner:BPFF",),
)
def test_losses_are_those_of_gradient_descent_with_rising_rates(measured):
    found = sweep(highest=0.05)
    rates = LOWEST * (0.05 / LOWEST) ** (np.arange(STEPS) / (STEPS - 1))
    np.testing.assert_allclose(found.rates, rates, rtol=1e-5)
    measured.relative(found.losses, written_out(rates))


def test_the_suggestion_is_where_the_loss_falls_most():
    found = sweep()
    falls = np.diff(found.smoothed) / np.diff(np.log(found.rates))
    near = int(np.argmin(falls))
    assert found.rates[max(0, near - 1)] <= found.suggestion <= found.rates[near + 2]
    assert LOWEST < found.suggestion < 1.0 / CURVATURE  # beyond, it diverges


def test_a_loss_that_grows_ends_it():
    assert sweep(stop_at=4.0, highest=1e6).rates[-1] < sweep(stop_at=100.0, highest=1e6).rates[-1] < 1e6


def test_a_loss_that_grows_from_the_first_step_on_gives_no_rate():
    with pytest.raises(OptionError, match=r"falls at none of the rates from lowest=1\.5 on"):
        find_learning_rate(trainer(), (X, Y), lowest=1.5, highest=1.6, steps=20)


def test_an_optimizer_is_a_function_of_the_rate_or_a_configuration_whose_rate_is_replaced():
    options = {"lowest": LOWEST, "highest": 0.05, "steps": STEPS}
    expected = find_learning_rate(trainer(), (X, Y), optimizer=optax.adam, **options).losses
    for optimizer in ("adam", {"type": "adam", "learning_rate": 7.0}):
        found = find_learning_rate(trainer(), (X, Y), optimizer=optimizer, **options).losses
        np.testing.assert_array_equal(found, expected)
    for optimizer in (optax.adam(1e-3), 3):
        with pytest.raises(OptionError, match="of an optimizer that is made already"), unchecked():
            find_learning_rate(trainer(), (X, Y), optimizer=optimizer)


def test_the_trainer_stays_as_it_is():
    t = trainer()
    t.fit((X, Y), num_epoch=2)
    before, model = pickle.dumps(t.history.to_json()), np.asarray(t.target.weight)
    again = pickle.loads(pickle.dumps(t))
    found = sweep(t)
    assert found.losses[0] == pytest.approx(float(((2.0 * model - 6.0) ** 2)[0, 0]), rel=1e-5)  # the present model
    assert pickle.dumps(t.history.to_json()) == before
    assert (t.epoch, t.steps, t.track, t.optimizer, t.observers) == (2, 2, (), SGD, ())
    np.testing.assert_array_equal(t.target.weight, model)
    for one in (t, again):
        one.fit((X, Y), num_epoch=1)
    np.testing.assert_array_equal(t.target.weight, again.target.weight)


@pytest.mark.parametrize(
    ("given", "optimizer"),
    [
        (optax.adam(0.1), optax.sgd),
        ({"type": "clip_by_global_norm", "max_norm": 1e9, "optimizer": SGD}, None),
        ({"type": "accumulate", "steps": 2, "optimizer": SGD}, None),
    ],
)
def test_optimizers_may_be_functions_or_nested(given, optimizer):
    found, plain = sweep(trainer(given), optimizer=optimizer), sweep()
    np.testing.assert_allclose(found.rates, plain.rates[: len(found.rates)], rtol=1e-6)
    np.testing.assert_allclose(found.losses, plain.losses[: len(found.losses)], rtol=1e-4)


def test_batches_are_gone_through_for_as_many_epochs_as_it_takes():
    x = np.ones((6, 1))
    found = sweep(data=(x, 3.0 * np.ones((6, 1))), batch_size=2, steps=20, highest=1e-2)
    assert len(found.rates) == 20


def test_it_can_be_looked_at():
    pytest.importorskip("matplotlib")
    found = sweep()
    (ax,) = found.plot().axes
    assert ax.get_xscale() == "log"
    np.testing.assert_array_equal(ax.lines[1].get_xdata(), found.rates)
    np.testing.assert_array_equal(ax.lines[1].get_ydata(), found.smoothed)
    assert ax.lines[2].get_xdata()[0] == found.suggestion


@pytest.mark.parametrize(
    ("t", "options", "said"),
    [
        (None, {"lowest": 0.0}, "must be 0 < lowest < highest"),
        (None, {"lowest": 2.0, "highest": 1.0}, "must be 0 < lowest < highest"),
        (None, {"steps": 2}, "steps"),
        (None, {"stop_at": 1.0}, "stop_at"),
        (trainer(optax.sgd(0.1)), {}, "optimizer=optax.adam"),
        (trainer(), {"optimizer": lambda rate: optax.sgd(0.1)}, "does not tell its learning rate"),
        (trainer(), {"lowest": 1e25, "highest": 1e30}, "Begin with a smaller one"),
        (object(), {}, "does not follow a gradient"),
    ],
)
def test_what_cannot_be_swept_is_refused(t, options, said):
    with pytest.raises(OptionError, match=said):
        sweep(t, **options)
