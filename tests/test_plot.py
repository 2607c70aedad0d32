import subprocess
import sys

import numpy as np

import dynplug as dp

TS = np.array([0.5, 1.0, 1.5, 2.0])


def test_a_raster_has_a_mark_for_each_spike_where_it_happened():
    figure, (axes,) = dp.plot.figure()
    spikes = np.zeros((4, 3))
    spikes[1, 2] = spikes[3, 0] = 1.0
    dp.plot.raster(axes, TS, spikes, title="hidden")
    assert axes.collections[0].get_offsets().tolist() == [[1.0, 2.0], [2.0, 0.0]]
    assert axes.get_title() == "hidden"
    assert axes.get_ylim() == (-1, 3)
    figure.canvas.draw()


def test_traces_are_one_line_a_unit():
    _, (axes,) = dp.plot.figure()
    V = np.arange(8.0).reshape(4, 2)
    dp.plot.traces(axes, TS, V, label="V [mV]")
    assert [line.get_xydata()[:, 1].tolist() for line in axes.lines] == [[0, 2, 4, 6], [1, 3, 5, 7]]
    dp.plot.traces(axes, TS, V[:, 0])
    assert len(axes.lines) == 3
    assert axes.get_ylabel() == "V [mV]"


def test_learning_curves_start_at_epoch_one_and_are_named():
    _, (left, right) = dp.plot.figure(columns=2)
    dp.plot.learning_curve(right, {"fit": [3.0, 2.0], "test": [4.0, 1.0]}, label="loss")
    assert right.lines[0].get_xydata().tolist() == [[1.0, 3.0], [2.0, 2.0]]
    assert [text.get_text() for text in right.get_legend().get_texts()] == ["fit", "test"]
    assert not left.lines


def test_without_matplotlib_the_extra_is_named():
    code = (
        "import sys; sys.modules['matplotlib'] = sys.modules['matplotlib.axes'] = None\n"
        "import dynplug as dp\n"
        "try: dp.plot\n"
        "except ImportError as e: sys.exit(0 if \"pip install 'dynplug[plot]'\" in str(e) else 1)\n"
        "sys.exit(2)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
