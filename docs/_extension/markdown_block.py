"""Markdown that an extension writes into a page, in the place of a directive."""

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList


def as_nodes(directive: Directive, markdown: str) -> list[nodes.Node]:
    """The nodes of a Markdown text without headings, as the page would have had them."""
    place = nodes.Element()
    source = f"<the directive {directive.name}>"
    directive.state.nested_parse(StringList(markdown.splitlines(), source), directive.content_offset, place)
    return place.children


def in_a_cell(text: str) -> str:
    """A text as a cell of a Markdown table."""
    return " ".join(text.split()).replace("|", r"\|")
