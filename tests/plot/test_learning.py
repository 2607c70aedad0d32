import numpy as np
import pytest

import dynplug as dp


def test_learning_curves_start_at_epoch_one_and_are_named():
    _, (left, right) = dp.plot.figure(columns=2)
    dp.plot.learning_curve(right, {"fit": [3.0, 2.0], "test": [4.0, 1.0]}, label="loss", title="so far")
    assert right.lines[0].get_xydata().tolist() == [[1.0, 3.0], [2.0, 2.0]]
    assert [text.get_text() for text in right.get_legend().get_texts()] == ["fit", "test"]
    assert (right.get_ylabel(), right.get_title()) == ("loss", "so far")
    assert not left.lines
    assert all(tick == round(tick) for tick in right.get_xticks())


def test_one_epoch_can_be_seen_and_no_curve_is_no_legend():
    _, (axes,) = dp.plot.figure()
    dp.plot.learning_curve(axes, {}, label="loss")
    assert axes.get_legend() is None
    dp.plot.learning_curve(axes, {"fit": [3.0]}, label="loss")
    assert axes.lines[0].get_marker() == "."
    assert axes.get_xlabel() == "epoch"
    dp.plot.learning_curve(axes, {"fit": [3.0, 2.0]}, label="loss", each="report")
    assert axes.get_xlabel() == "report"


def test_a_few_indices_have_a_tick_each_and_none_between_them():
    _, (axes, curve) = dp.plot.figure(columns=2)
    dp.plot.weights(axes, np.eye(2))
    assert [set(ticks) & {0.0, 0.5, 1.0} for ticks in (axes.get_xticks(), axes.get_yticks())] == [{0.0, 1.0}] * 2
    dp.plot.learning_curve(curve, {"fit": [3.0]}, label="loss")
    low, high = curve.get_xlim()
    assert [tick for tick in curve.get_xticks() if low <= tick <= high] == [1.0]


@pytest.mark.parametrize(
    ("weight", "shape", "limit"),
    [
        (np.array([[1.0, -3.0, 2.0], [0.0, 0.5, 1.0]]), (2, 3), 3.0),
        (np.arange(24.0).reshape(2, 3, 2, 2), (2, 12), 23.0),
        (np.zeros((2, 2)), (2, 2), 1.0),
    ],
)
def test_weights_are_an_image_with_zero_in_the_middle_of_its_colours(weight, shape, limit):
    _, (axes,) = dp.plot.figure()
    dp.plot.weights(axes, weight, title="W")
    (image,) = axes.images
    assert image.get_array().shape == shape
    assert image.get_clim() == (-limit, limit)
    assert (axes.get_title(), axes.get_xlabel(), axes.get_ylabel()) == ("W", "in", "out")
