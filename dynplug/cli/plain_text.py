"""Docstrings as plain text for a terminal, whatever their markup.

Formulas become Unicode. The marks of Markdown, MkDocs and reStructuredText meant for documentation generators are
dropped; code, examples and BibTeX entries stay as they are.
"""

import re
import textwrap
from collections.abc import Callable

from dynplug.cli.unicode_math import in_unicode

_FENCE = re.compile(r"^([ \t]*)```[^\n`]*\n(.*?)^[ \t]*```[ \t]*$\n?", re.DOTALL | re.MULTILINE)
_DIRECTIVE = r"^([ \t]*)\.\. {}::[ \t]*(.*\n(?:(?:\1[ \t]+.*)?(?:\n|\Z))*)"
_TITLES = {"seealso": "See also:", "versionadded": "Added in", "versionchanged": "Changed in"}


def plain_text(text: str) -> str:
    """A docstring without its markup."""
    parts: list[str] = []
    end = 0
    for fence in _FENCE.finditer(text):
        code = textwrap.indent(textwrap.dedent(fence[2]), fence[1] or "    ")
        parts += [_without_marks(text[end : fence.start()]), code]
        end = fence.end()
    return "".join([*parts, _without_marks(text[end:])]).strip("\n")


def _without_marks(text: str) -> str:
    for pattern, replacement in _MARKS:
        text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
    return text


def _displayed(found: re.Match[str]) -> str:
    return textwrap.indent(in_unicode(found[2]), f"{found[1]}    ") + "\n"


def _block(found: re.Match[str]) -> str:
    return _displayed(found) + "\n"


def _inline(found: re.Match[str]) -> str:
    return " ".join(in_unicode(found[1]).split())


def _directive(found: re.Match[str]) -> str:
    title = _TITLES.get(found[2], f"{found[2].capitalize()}:")
    return f"{found[1]}{title} {found[3].strip()}".rstrip()


def _admonition(found: re.Match[str]) -> str:
    return f"{found[1]}{found[3] or found[2].capitalize()}:"


_MARKS: list[tuple[str, str | Callable[[re.Match[str]], str]]] = [
    (r"^([ \t]*)\$\$([^$]+)\$\$[ \t]*\n?", _displayed),
    (_DIRECTIVE.format("math"), _block),
    (r"^[ \t]*\.\. (?:code-block|code|doctest|testcode|image|figure|plot)::.*\n", ""),
    (r"^([ \t]*)\.\. (\w+)::(.*)$", _directive),
    (r'^([ \t]*)(?:\?\?\?\+?|!!!) (\w+)(?: "([^"]*)")?[ \t]*$', _admonition),
    (r":math:`([^`]+)`", _inline),
    (r"(?<![\\$\w])\$(?!\s)((?:[^$\n]|\n(?!\s*\n))+?)(?<!\s)\$(?![\d$])", _inline),
    (r":(?:\w+:)?\w+:`~?([^`]+)`", r"`\1`"),
    (r"``([^`]+)``", r"`\1`"),
    (r"`([^`<]+?)\s*`?\s+<([^>]+)>`_+", r"\1 <\2>"),
    (r"\[(`[^`\]]+`)\]\[[^\]]*\]", r"\1"),
    (r"!?\[([^\]]*)\]\((https?://[^)]+)\)", r"\1 <\2>"),
    (r"(?<![\w*])\*\*([^*\s](?:[^*]*[^*\s])?)\*\*(?![\w*])", r"\1"),
    (r"(?<=[^\W\d_])--(?=[^\W\d_])", "–"),
]
"""The marks of documentation generators and their replacements, in the order in which they apply."""
