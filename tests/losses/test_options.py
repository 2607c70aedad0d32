"""Options of losses and weights of samples that make no sense are refused, by each loss that takes them."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from checked_annotations import unchecked

from dynplug import losses
from dynplug.errors import DataError, ParameterError

pytestmark = pytest.mark.quick

P = jnp.asarray(np.random.default_rng(0).integers(0, 2, (4, 6, 3)), float)
CLASSES = np.array([0, 1, 2, 0])
TARGETS = dict.fromkeys(("mse", "mae", "huber", "van_rossum"), P)
NUMBERS = {
    "huber": {"delta": (0.0, -1.0)},
    "cross_entropy": {"label_smoothing": (-0.1, 1.0), "ignore_index": (1.5,)},
    "accuracy": {"ignore_index": (1.5,)},
    "spike_count": {"right": (-0.1, 1.1), "wrong": (-0.1, 1.1)},
    "first_spike": {"tau": (0.0, -1.0), "dt": (0.0,), "ignore_index": (1.5,)},
    "van_rossum": {"tau": (0.0, -1.0), "dt": (0.0,)},
    "rate_regularized": {"low": (-0.1, 2.0), "high": (-0.1,), "strength": (-1.0,)},
    "top_k_accuracy": {"k": (0, 1.5)},
}
WEIGHTED = ("mse", "huber", "cross_entropy", "accuracy", "f1", "spike_count", "first_spike", "van_rossum")


def of(name, **options):
    return getattr(losses, name)(P, TARGETS.get(name, CLASSES), **options)


@pytest.mark.parametrize(
    ("name", "option", "bad"),
    [
        (name, option, bad)
        for name, options in NUMBERS.items()
        for option, limits in options.items()
        for bad in (*limits, math.nan, True, "x", 1j)
    ],
)
def test_a_number_out_of_its_range_or_no_number_is_refused(name, option, bad):
    with unchecked(), pytest.raises(ParameterError, match=option):
        of(name, **{option: bad})


@pytest.mark.parametrize("name", WEIGHTED)
def test_weights_of_samples_are_not_negative_and_one_a_sample(name):
    for bad in ([1.0, -1.0, 1.0, 1.0], [1.0, math.nan, 1.0, 1.0], [1.0, math.inf, 1.0, 1.0], list("abcd")):
        with pytest.raises(DataError, match="must hold finite numbers, none below 0"):
            of(name, sample_weight=np.array(bad))
    for shape in ((3,), (4, 5), (1,), (4, 6, 3, 2)):
        with pytest.raises(DataError, match=r"sample_weight of shape .* does not fit .*one number for each sample"):
            of(name, sample_weight=np.ones(shape))
        with pytest.raises(DataError, match="does not fit"):
            of(name, sample_weight=np.ones(shape), mask=np.ones((4, 6), bool))


def test_a_traced_weight_is_not_looked_at():
    assert jnp.isnan(jax.jit(lambda w: of("mse", sample_weight=w))(jnp.full(4, jnp.nan)))


@pytest.mark.parametrize("name", ["cross_entropy", "accuracy", "f1", "top_k_accuracy", "first_spike"])
def test_predictions_without_an_axis_of_classes_are_refused(name):
    function = getattr(losses, name)
    for predicts in (P[..., 0], P[:, 0, 0]):
        with unchecked(), pytest.raises(DataError, match=r"no axis of classes: \(batch, time, classes\) are needed"):
            function(predicts, CLASSES, **({"k": 1} if name == "top_k_accuracy" else {}))


def test_complex_numbers_are_no_targets():
    with pytest.raises(DataError, match="mse takes real numbers as targets; got complex"):
        losses.mse(P, np.asarray(P) * 1j)


def test_a_rate_to_reach_is_not_negative():
    with pytest.raises(DataError, match="rates are numbers of spikes per step, none below 0"):
        losses.spike_count(P, np.full((4, 3), -0.5))
