"""The directive `comparison`: what another library calls it, and what to write here, from a file in `_data/`.

A file holds rows: the names there, what to know in Markdown, the code, and the tests that hold it. A row of a file with
several pages has a `page`. The code is executed by `tests/test_comparisons.py`, as is what stands in backticks.
"""

import tomllib
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


class Comparison(SphinxDirective):
    """The rows of `_data/NAME.toml`, or those of one `page` of it, as a list of definitions."""

    required_arguments = 1
    option_spec = {"page": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        """The list: a row's names are its terms, all else is their definition."""
        path = Path(self.env.srcdir, "_data", f"{self.arguments[0]}.toml")
        self.env.note_dependency(path)
        rows = tomllib.loads(path.read_text(encoding="utf-8"))["row"] if path.is_file() else []
        chosen = [row for row in rows if self.options.get("page") in (None, row.get("page"))]
        if not chosen:
            raise self.error(f"there are no rows of page {self.options.get('page')!r} in {path}")
        return [nodes.definition_list("", *map(self._row, chosen), classes=["comparison"])]

    def _row(self, row: dict) -> nodes.Node:
        term = nodes.term()
        for name in row["names"]:
            term += [nodes.Text(", "), nodes.literal(name, name)] if term.children else [nodes.literal(name, name)]
        definition = nodes.definition()
        if "form" in row:
            text, problems = self.parse_inline(row["form"])
            definition += [nodes.paragraph("", "", *text), *problems]
        if "code" in row:
            code = row["code"].strip("\n")
            definition += nodes.literal_block(code, code, language="python")
        if "tests" in row:
            definition += _folded("Tests", [nodes.literal(test, test) for test in row["tests"]])
        return nodes.definition_list_item("", term, definition)


def _folded(title: str, entries: list[nodes.Node]) -> list[nodes.Node]:
    """A list that is closed until its title is clicked."""
    items = (nodes.list_item("", nodes.paragraph("", "", entry)) for entry in entries)
    opening = f'<details class="comparison-tests"><summary>{title}</summary>'
    return [
        nodes.raw("", opening, format="html"),
        nodes.bullet_list("", *items),
        nodes.raw("", "</details>", format="html"),
    ]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive with Sphinx."""
    app.add_directive("comparison", Comparison)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
