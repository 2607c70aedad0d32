"""The Yin-Yang data against the geometry of the sign, and what the recipe reaches."""

import cmath
import tomllib

import jax
import numpy as np
import pytest

import dynplug as dp
from dynplug.errors import ParameterError

pytestmark = pytest.mark.usefixtures("blank_pictures")

KEY = jax.random.key(0)


def as_they_are(values, key):
    return values[None]


@pytest.fixture(scope="module")
def data():
    """Coordinates instead of spikes."""
    return dp.tasks.YinYang(encoder=as_they_are).load(KEY)


def part_of(u, v):
    """The part of the sign by complex numbers about its centre, in units of its radius."""
    z = complex(u - 0.5, v - 0.5) / 0.5
    if min(abs(z - 0.5), abs(z + 0.5)) < 0.2:
        return 2
    if abs(z - 0.5) <= 0.5:  # the right half-circle is of the lower part, the left one of the upper
        return 0
    if abs(z + 0.5) <= 0.5:
        return 1
    return 1 if cmath.phase(z) > 0 else 0


def test_points_are_of_the_part_in_which_they_lie(data):
    for (x, y), count in zip(data, (5000, 1000), strict=True):
        assert x.shape == (count, 1, 4)
        u, v, *rest = x[:, 0].T
        np.testing.assert_array_equal(rest, [1 - u, 1 - v])
        assert np.hypot(u - 0.5, v - 0.5).max() <= 0.5
        assert [part_of(*point) for point in zip(u.tolist(), v.tolist(), strict=True)] == y.tolist()


def test_no_point_is_in_both_parts(data):
    train, test = ({tuple(point) for point in x[:, 0, :2].tolist()} for x, _ in data)
    assert not train & test


def test_parts_are_equally_frequent_and_filled_evenly(data):
    x, y = data.train
    points = x[:, 0, :2]
    assert np.abs(np.bincount(y) / 5000 - 1 / 3).max() < 4 * np.sqrt(2 / 9 / 5000)
    yang, yin, dots = (points[y == c] for c in range(3))
    error = 4 * 0.25 / np.sqrt(1600)
    np.testing.assert_allclose(yin.mean(0) + yang.mean(0), 1.0, atol=2 * error)  # either is the other, turned
    np.testing.assert_allclose(dots.mean(0), 0.5, atol=error)
    centred = np.abs(dots[:, 0] - 0.5) - 0.25
    assert np.std(centred) == pytest.approx(0.05, rel=0.1)  # of a disc: half of its radius
    upper = (yin[:, 1] > 0.5).mean()
    half, small, dot = np.pi * 0.5**2 / 2, np.pi * 0.25**2 / 2, np.pi * 0.1**2 / 2
    expected = (half - small - dot) / (half - 2 * dot)
    assert upper == pytest.approx(expected, abs=4 * 0.5 / np.sqrt(1600))


def test_coordinates_become_spikes_and_keys_change_nothing():
    task = dp.tasks.YinYang(encoder=dp.encoders.Latency(9), num_train=30, num_test=20)
    (x, y), (x_test, _) = task.load(KEY)
    assert (x.shape, x_test.shape) == ((30, 9, 4), (20, 9, 4))
    first = np.argmax(x, axis=1)
    assert (np.abs(first[:, :2] + first[:, 2:] - 8) <= 1).all()  # a coordinate, and one less it
    again = task.load(jax.random.key(1)).train
    np.testing.assert_array_equal(again[0], x)
    np.testing.assert_array_equal(again[1], y)
    poisson = dp.tasks.YinYang(encoder=dp.encoders.Poisson(5), num_train=30, num_test=20)
    assert (poisson.load(KEY).train[0] != poisson.load(jax.random.key(1)).train[0]).any()


@pytest.mark.parametrize("name", ["num_train", "num_test"])
def test_there_must_be_points(name):
    with pytest.raises(ParameterError, match=rf"YinYang\({name}=...\) must be a positive integer"):
        dp.tasks.YinYang(**{name: 0})


@pytest.mark.slow
@pytest.mark.claim(
    "yin-yang-recipe",
    "Five epochs of the Yin-Yang recipe, with coordinates in 40 steps, classify this share of the test points",
    at_least=0.85,
    reference="Kriener, L., Göltz, J. & Petrovici, M. A. (2022), doi:10.1145/3517343.3517380",
    components=("task:yin-yang",),
)
def test_the_recipe_learns_the_sign(measured):
    recipe = tomllib.loads(dp.tasks.YinYang.recipe())
    assert recipe["task"]["type"] == "yin-yang"
    recipe["runner"]["optimizer"]["learning_rate"]["decay_steps"] = 5 * 40  # of the optimizer, in all
    model = dp.build(recipe["model"], key=KEY)
    given = {"target": model, "logger": None, "progress_bar": False}
    trainer = dp.build(recipe["runner"], kind="runner", given=given)
    train, (x, y) = dp.tasks.YinYang(encoder=dp.encoders.Latency(40)).load(KEY)
    trainer.fit(train, num_epoch=5, batch_size=recipe["fit"]["batch_size"])
    measured(np.mean(np.asarray(trainer.predict(x)).max(axis=1).argmax(axis=-1) == y))
