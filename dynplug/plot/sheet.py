"""Panels of one size, on a sheet or as vectors for a page, whose labels are of one size."""

import html
import io
import re
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib as mpl
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dynplug.plot.canvas import figure

_WIDTH, _HEIGHT = 3.65, 2.7  # [inches]: on a page 350 pixels, so that the width of a phone takes one as it is
_APART = 0.12  # [inches]: around the panels of several rows
_POINTS = 9  # of all text: 12 pixels on a page
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8c6d1f", "#6a3d9a")  # told apart by the colour-blind
_SIZES = ("font", "axes.title", "axes.label", "xtick.label", "ytick.label", "legend.font", "legend.title_font")
_STYLE: Any = {
    **{f"{name}.size" if name == "font" else f"{name}size": _POINTS for name in _SIZES},
    "axes.prop_cycle": cycler(color=_COLOURS),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.handlelength": 1.5,
}


def sheet(draws: Sequence[Callable[[Axes], object]], columns: int = 2) -> Figure:
    """A figure of panels of one size, row by row, with text of one size.

    ```python
    dp.plot.sheet([lambda ax: dp.plot.learning_curve(ax, {"test": [0.9, 0.4, 0.3]}, label="loss")])
    ```

    **Arguments:**

    - `draws`: for each panel a function of its axes.
    - `columns`: panels in a row, at most.
    """
    columns = max(1, min(columns, len(draws)))
    rows = max(1, -(-len(draws) // columns))
    with mpl.rc_context(_STYLE):
        made, axes = figure(_WIDTH * columns, _HEIGHT * rows, columns, rows)
        if rows > 1:
            made.set_layout_engine("constrained", h_pad=_APART)
        for draw, ax in zip(draws, axes, strict=False):
            draw(ax)
        for ax in axes[len(draws) :]:
            ax.set_axis_off()
    return made


def inline_svg(draw: Callable[[Axes], object], name: str, about: str) -> str:
    """A panel as an SVG element that stands in a page of HTML: 350 pixels wide, with text of 12 pixels as text.

    What is black in the figure has the page's colour of text, and its paper is the page's.

    ```python
    dp.plot.inline_svg(lambda ax: ax.plot([0, 1]), "rise", "a line that rises")
    ```

    **Arguments:**

    - `draw`: a function of the panel's axes.
    - `name`: another one for each panel of a page.
    - `about`: a description, for those who cannot see it.
    """
    made = sheet([draw], 1)
    made.set_facecolor("none")
    for ax in made.axes:
        ax.set_facecolor("none")
    text = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):  # a salt of its own: no id stands twice
        made.savefig(text, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    return _for_a_page(text.getvalue(), about)


def _for_a_page(svg: str, about: str) -> str:
    """An SVG file as an element: without what is a file's alone, and with no id but those that it refers to itself."""
    svg = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>|<!--.*?-->", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    used = set(re.findall(r"#([\w-]+)[\"')]", svg))
    svg = re.sub(r' id="([^"]+)"', lambda found: found[0] if found[1] in used else "", svg)
    svg = re.sub(r"font: ([\d.]+px)[^;\"]*", r"font-size: \1", svg)
    svg = re.sub(r" *font-family: [^;\"]*;?", "", svg)  # it is the page's
    svg = re.sub(r'<text style="(?!fill)', '<text style="fill: currentColor; ', svg.replace("#000000", "currentColor"))
    return svg.replace("<svg ", f'<svg role="img" aria-label="{html.escape(about)}" ', 1).strip()
