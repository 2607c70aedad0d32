"""Pages of reports, read."""

import re
from html.parser import HTMLParser

from dynplug.recipe.report import REPORT, write_report

VOID = ("meta",)


class Page(HTMLParser):
    """Checks that tags are closed, and collects what is in tables, figures and headings."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.rows, self.headings, self.figures, self.sizes = [], [], [], [], [], []
        self.text = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.elements.append((tag, attrs))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag == "svg":
            self.figures.append(attrs["aria-label"])
            self._scale = 350 / float(attrs["viewbox"].split()[2])  # the width of a figure in the page's style
        if tag == "text":
            self.sizes.append(float(re.search(r"font-size: ([\d.]+)px", attrs["style"])[1]) * self._scale)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data
        if self.open and self.open[-1] in ("h1", "h2"):
            self.headings.append(data)

    def row(self, first):
        return next(row for row in self.rows if row[0] == first)


def written(folder, reported):
    """The page of a training, and what was said."""
    said = []
    write_report(folder, reported, said.append)
    text = (folder / REPORT).read_text(encoding="utf-8")
    return Page(text), text, said
