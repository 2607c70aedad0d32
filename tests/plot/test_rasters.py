"""Rasters and rates of populations, from events."""

import numpy as np
import pytest

import dynplug as dp
from dynplug.errors import OptionError
from dynplug.measures import Events

E = Events([1.0, 2.0, 2.0, 9.0], [0, 3, 1, 2], size=4, stop=10.0)
I = Events([4.0, 5.0], [1, 0], size=2, start=-2.0, stop=8.0)  # noqa: E741


def offsets(axes):
    return [marks.get_offsets().tolist() for marks in axes.collections]


@pytest.mark.parametrize("one", [E, (E.t, E.i), {"E": E}])
def test_a_population_is_a_mark_for_each_spike(one):
    figure, (axes,) = dp.plot.figure()
    dp.plot.raster(axes, one, title="E")
    assert offsets(axes) == [[[1.0, 0.0], [2.0, 3.0], [2.0, 1.0], [9.0, 2.0]]]
    assert (axes.get_ylim(), axes.get_ylabel(), axes.get_title()) == ((-1, 4), "unit", "E")
    assert axes.get_xlim()[0] == pytest.approx(-0.02 * axes.get_xlim()[1] / 1.02)
    figure.canvas.draw()


def test_events_look_as_their_dense_array_does():
    _, (left, right) = dp.plot.figure(columns=2)
    spikes = np.zeros((10, 4))
    spikes[np.round(E.t).astype(int) - 1, E.i] = 1.0
    dp.plot.raster(left, np.arange(1.0, 11.0), spikes)
    dp.plot.raster(right, E)
    assert sorted(offsets(left)[0]) == sorted(offsets(right)[0])


def test_populations_stand_one_above_the_other_and_have_their_names():
    figure, (axes,) = dp.plot.figure()
    dp.plot.raster(axes, {"E": E, "I": I})
    assert offsets(axes)[1] == [[4.0, 5.0], [5.0, 4.0]]
    assert axes.get_ylim() == (-1, 6)
    assert axes.get_yticks().tolist() == [1.5, 4.5]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["E", "I"]
    assert axes.get_xlim() == pytest.approx((-2.24, 10.24))
    assert axes.get_ylabel() == ""
    colours = {tuple(marks.get_edgecolor()[0]) for marks in axes.collections}
    assert len(colours) == 2
    figure.canvas.draw()


def test_spikes_of_a_run_are_drawn_as_they_are():
    _, (axes,) = dp.plot.figure()
    runner = dp.DSRunner(dp.neurons.LIF(3), spikes=True, dt=0.5, progress_bar=False)
    runner.run(30.0, inputs=3.0)
    dp.plot.raster(axes, runner.spikes)
    assert len(offsets(axes)[0]) == len(runner.spikes["spike"]) > 0


def test_many_marks_are_dots_in_a_file_and_few_are_shapes():
    figure, axes = dp.plot.figure(columns=2)
    t = np.linspace(0.1, 10.0, 30_000)
    dp.plot.raster(axes[0], Events(t, np.zeros(30_000, int)))
    dp.plot.raster(axes[1], E)
    assert [one.collections[0].get_rasterized() for one in axes] == [True, False]
    figure.canvas.draw()


def test_a_rate_over_time_is_a_line_a_population():
    _, (axes,) = dp.plot.figure()
    dp.plot.psth(axes, {"E": E, "I": I}, bin=5.0, title="rates")
    (x, y), (_, other) = (line.get_data() for line in axes.lines)
    assert (x.tolist(), y.tolist()) == ([2.5, 7.5], [150.0, 50.0])  # 3 of 4 units in 5 ms
    assert other.tolist() == [0.0, 200.0]
    assert (axes.get_ylabel(), axes.get_title()) == ("rate [Hz]", "rates")
    assert axes.get_ylim() == (0.0, 210.0)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["E", "I"]
    _, (one,) = dp.plot.figure()
    dp.plot.psth(one, E, bin=10.0)
    assert one.get_legend() is None
    assert one.lines[0].get_marker() == "."  # a single value can be seen
    _, (silent,) = dp.plot.figure()
    dp.plot.psth(silent, Events([], [], size=2, stop=4.0), bin=1.0)
    assert silent.get_ylim() == (0.0, 1.0)


def test_what_cannot_be_drawn_is_refused():
    _, (axes,) = dp.plot.figure()
    batch = Events([1.0], [0], sample=[1], batch_size=2)
    with pytest.raises(OptionError, match=r"one sample, and E has a batch: give events\[0\]"):
        dp.plot.raster(axes, {"E": batch})
    dp.plot.raster(axes, batch[1])
    for draw in (dp.plot.raster, lambda axes, events: dp.plot.psth(axes, events, bin=1.0)):
        with pytest.raises(OptionError, match="no spikes to plot"):
            draw(axes, {})
