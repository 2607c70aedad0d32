import numpy as np
import pytest

import dynplug as dp
from dynplug.errors import ShapeError

TS = np.array([0.5, 1.0, 1.5, 2.0])


def test_a_raster_has_a_mark_for_each_spike_where_it_happened():
    figure, (axes,) = dp.plot.figure()
    spikes = np.zeros((4, 3))
    spikes[1, 2] = spikes[3, 0] = 1.0
    dp.plot.raster(axes, TS, spikes, title="hidden")
    assert axes.collections[0].get_offsets().tolist() == [[1.0, 2.0], [2.0, 0.0]]
    assert axes.get_title() == "hidden"
    assert axes.get_ylim() == (-1, 3)
    assert axes.get_xlim() == pytest.approx((0.47, 2.03))
    figure.canvas.draw()


def test_traces_are_one_line_a_unit():
    _, (axes,) = dp.plot.figure()
    V = np.arange(8.0).reshape(4, 2)
    dp.plot.traces(axes, TS, V, label="V [mV]", title="two units")
    assert [line.get_xydata()[:, 1].tolist() for line in axes.lines] == [[0, 2, 4, 6], [1, 3, 5, 7]]
    dp.plot.traces(axes, TS, V[:, 0])
    assert len(axes.lines) == 3
    assert axes.get_ylabel() == "V [mV]"
    assert axes.get_title() == ""


def test_a_grid_of_units_is_a_row_of_them():
    _, (axes,) = dp.plot.figure()
    dp.plot.raster(axes, TS, np.ones((4, 2, 3)))
    assert axes.get_ylim() == (-1, 6)


@pytest.mark.parametrize("draw", [dp.plot.raster, dp.plot.traces])
def test_a_single_step_is_drawn_without_a_warning_and_can_be_seen(draw):
    figure, (axes,) = dp.plot.figure()
    draw(axes, TS[:1], np.ones((1, 3)))
    figure.canvas.draw()
    assert axes.get_xlim() == (0.0, 1.0)
    assert len(axes.collections) == 1 or all(line.get_marker() == "." for line in axes.lines)


@pytest.mark.parametrize("draw", [dp.plot.raster, dp.plot.traces])
def test_nothing_and_what_does_not_fit_is_refused(draw):
    _, (axes,) = dp.plot.figure()
    with pytest.raises(ShapeError, match=r"got 0 times and shape \(0, 3\)"):
        draw(axes, [], np.ones((0, 3)))
    with pytest.raises(ShapeError, match=r"got 4 times and shape \(3, 4\)"):
        draw(axes, TS, np.ones((3, 4)))
