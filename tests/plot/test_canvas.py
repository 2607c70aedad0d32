import subprocess
import sys

import dynplug as dp


def test_a_figure_is_panels_row_by_row_of_the_size_that_was_asked_for():
    figure, axes = dp.plot.figure(width=6.0, height=4.0, columns=3, rows=2)
    assert figure.get_size_inches().tolist() == [6.0, 4.0]
    assert len(axes) == 6
    figure.canvas.draw()
    boxes = [ax.get_position() for ax in axes]
    assert boxes[0].x0 < boxes[1].x0 < boxes[2].x0
    assert boxes[0].y0 > boxes[3].y0


def test_a_figure_is_saved_into_a_folder_that_is_made(tmp_path):
    figure, _ = dp.plot.figure()
    path = dp.plot.save(figure, tmp_path / "a" / "b" / "x.png")
    assert path.read_bytes()[:4] == b"\x89PNG"
    assert dp.plot.save(figure, tmp_path / "x.svg").read_text().startswith("<?xml")
    assert dp.plot.save(figure, tmp_path / "bare").read_bytes()[:4] == b"\x89PNG"


def test_without_matplotlib_the_extra_is_named():
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "import dynplug as dp\n"
        "try: dp.plot\n"
        "except ImportError as e: sys.exit(0 if \"pip install 'dynplug[plot]'\" in str(e) else 1)\n"
        "sys.exit(2)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_notebook_shows_a_figure():
    drawn, _ = dp.plot.figure(width=2.0, height=1.0)
    assert drawn._repr_png_().startswith(b"\x89PNG")
