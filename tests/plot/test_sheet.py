"""Panels of one size, whose text is of one size, on a sheet and as vectors in a page."""

import re
from html.parser import HTMLParser

import matplotlib as mpl
import numpy as np
import pytest

import dynplug as dp

pytestmark = pytest.mark.quick


class Svg(HTMLParser):
    """Collects the elements of a page, and its texts with their sizes [pixels of a page]."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.texts, self._scale, self._size = [], [], 1.0, None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.elements.append((tag, attrs))
        if tag == "svg":
            width = float(attrs["width"].removesuffix("pt")) * 96 / 72
            self._scale = width / float(attrs["viewbox"].split()[2])
        if tag == "text":
            self._size = float(re.search(r"font-size: ([\d.]+)px", attrs["style"])[1]) * self._scale

    def handle_data(self, data):
        if self._size is not None:
            self.texts.append((data, self._size))
            self._size = None

    def ids(self):
        return [attrs["id"] for _, attrs in self.elements if "id" in attrs]

    def of(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]


def curves(ax):
    dp.plot.learning_curve(ax, {"training": [3.0, 2.0], "test": [4.0, 1.0]}, label="loss", best=2)


def test_a_sheet_has_panels_row_by_row_and_nothing_in_the_rest():
    figure = dp.plot.sheet([curves] * 3)
    width, height = dp.plot.sheet([curves]).get_size_inches()
    assert figure.get_size_inches().tolist() == [2 * width, 2 * height]
    assert [ax.axison for ax in figure.axes] == [True, True, True, False]
    titled = dp.plot.sheet([lambda ax: ax.set_title("t")]).axes[0].title
    assert titled.get_size() == figure.axes[0].xaxis.label.get_size() == 9
    assert dp.plot.sheet([curves] * 3, columns=3).get_size_inches().tolist() == [3 * width, height]


SIZES = ["font.size", *(f"{name}size" for name in ("axes.label", "xtick.label", "ytick.label", "legend.font"))]


@pytest.mark.parametrize("of_the_user", [{}, dict.fromkeys(SIZES, 4)], ids=["", "settings of the user"])
def test_all_text_of_a_panel_is_text_and_of_one_size(of_the_user):
    with mpl.rc_context(of_the_user):
        drawn = Svg(dp.plot.inline_svg(curves, "a", "it falls"))
    (svg,) = drawn.of("svg")
    assert float(svg["width"].removesuffix("pt")) * 96 / 72 == pytest.approx(350, abs=1)
    texts = [text for text, _ in drawn.texts]
    assert {"loss", "epoch", "training", "test", "best: 2"} <= set(texts)
    assert [size for _, size in drawn.texts] == pytest.approx([12.0] * len(texts))


def test_a_panel_says_what_it_shows_and_has_the_colours_of_the_page():
    text = dp.plot.inline_svg(curves, "a", 'less < "more" & so on')
    drawn = Svg(text)
    assert drawn.of("svg")[0]["aria-label"] == 'less < "more" & so on'
    assert drawn.of("svg")[0]["role"] == "img"
    assert "#000000" not in text
    assert all("fill" in attrs["style"] for attrs in drawn.of("text"))
    assert not re.search(r"fill: #f{6}", text)  # no paper
    assert not re.search(r"<\?xml|<!DOCTYPE|<style|<metadata|font-family", text)


def test_several_panels_in_a_page_share_no_id_and_find_their_own():
    page = Svg("".join(dp.plot.inline_svg(curves, name, "") for name in ("a", "b")))
    ids = page.ids()
    assert len(ids) == len(set(ids)) > 0
    assert {attrs["xlink:href"].removeprefix("#") for attrs in page.of("use")} <= set(ids)
    assert dp.plot.inline_svg(curves, "a", "") == dp.plot.inline_svg(curves, "a", "")


def test_a_histogram_counts_values_and_what_they_were_before():
    _, (axes, alone) = dp.plot.figure(columns=2)
    after, before = np.array([0.0, 0.0, 1.0, 2.0, np.nan, np.inf]), np.array([0.0, 2.0])
    dp.plot.histogram(axes, after, before, label="w", title="W")
    bars = [patch for patch in axes.patches if hasattr(patch, "get_height")]
    assert [bar.get_height() for bar in bars] == [2, 0, 1, 0, 1]
    (outline,) = [patch for patch in axes.patches if not hasattr(patch, "get_height")]
    assert outline.get_xy()[:, 1].max() == 1
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_title()) == ("w", "number", "W")
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["after", "before"]
    dp.plot.histogram(alone, np.arange(10_000.0))
    assert len(alone.patches) == 40
    assert alone.get_legend() is None


def test_the_best_epoch_is_marked_and_lone_values_are_seen():
    _, (axes,) = dp.plot.figure()
    dp.plot.learning_curve(axes, {"a": [1.0, np.nan, 2.0], "b": [1.0, 2.0, np.nan]}, label="loss", best=3)
    first, second, mark = axes.lines
    assert (first.get_marker(), second.get_marker()) == (".", "")
    assert list(mark.get_xdata()) == [3, 3]
    assert axes.get_legend().get_texts()[-1].get_text() == "best: 3"
