import sys
import tomllib

import jax
import numpy as np
import pytest
from sklearn.datasets import load_digits

import dynplug as dp
from dynplug.errors import ParameterError


@pytest.fixture(scope="module")
def data():
    return dp.tasks.Digits(encoder=dp.encoders.Latency(5)).load(jax.random.key(0))


def test_every_digit_is_in_one_part_and_each_class_is_held_out_alike(data):
    images, labels = load_digits(return_X_y=True)
    (x_train, y_train), (x_test, y_test) = data
    assert x_train.shape == (1437, 5, 64)
    assert x_test.shape == (360, 5, 64)
    np.testing.assert_array_equal(np.bincount(np.concatenate([y_train, y_test])), np.bincount(labels))
    assert np.ptp(np.bincount(y_test) / np.bincount(labels)) < 0.02
    spikes = np.concatenate([x_train, x_test]).any(axis=1).sum()
    assert spikes == (images > 0).sum()  # one spike a pixel that is not black


def test_pixels_become_the_spikes_of_their_digit(data):
    images, labels = load_digits(return_X_y=True)
    x, y = data.test
    step = np.round((1 - images / 16) * 4)
    coded = np.stack([(step == t) & (images > 0) for t in range(5)], axis=1)
    of_class = {image.tobytes(): label for image, label in zip(coded, labels, strict=True)}
    assert all(of_class[np.asarray(image).tobytes()] == label for image, label in zip(x, y, strict=True))


def test_what_is_held_out_does_not_depend_on_the_key(data):
    again = dp.tasks.Digits(encoder=dp.encoders.Latency(5)).load(jax.random.key(1))
    np.testing.assert_array_equal(data.test[0], again.test[0])


def test_a_stochastic_encoder_gets_the_key():
    task = dp.tasks.Digits(encoder=dp.encoders.Poisson(5))
    a, b, c = (task.load(jax.random.key(seed)).train[0] for seed in (0, 0, 1))
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()


def test_the_share_that_is_held_out():
    _, (x, _) = dp.tasks.Digits(encoder=dp.encoders.Latency(2), test_share=0.5).load(jax.random.key(0))
    assert len(x) == 899
    with pytest.raises(ParameterError, match=r"test_share=1.0 must be a finite number above 0 and below 1"):
        dp.tasks.Digits(test_share=1.0)


def test_the_recipe_trains_on_this_task():
    recipe = tomllib.loads(dp.tasks.Digits.recipe())
    assert recipe["task"]["type"] == "digits"


def test_without_scikit_learn_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ImportError, match=r"pip install 'dynplug\[demo\]'"):
        dp.tasks.Digits().load(jax.random.key(0))
