"""Every block of code is executed, or says in the line above it why not: `% not executed: the reason`."""

import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

LANGUAGES = "python|py|ipython|pycon|bash|sh|shell|console|toml"
FENCE = re.compile(r"^ {0,3}(?P<fence>`{3,}|~{3,}|:{3,})\s*(?P<info>.*)$")
PLAIN = re.compile(rf"(?:(?:\{{code-block\}}|\{{code\}})\s+)?(?:{LANGUAGES})\b")
REASON = re.compile(r"^\s*% not executed: \S")


def not_executed(text: str) -> list[int]:
    """The numbers of the lines that open a block of code which is neither executed nor said to be left out."""
    found, closing, before = [], "", ""
    around: list[str] = []  # the fences of the directives, such as `{tip}`, that a line is in
    for number, line in enumerate(text.splitlines(), 1):
        fence = FENCE.match(line)
        if closing:
            if fence and fence["fence"].startswith(closing) and not fence["info"]:
                closing = ""
        elif fence and around and not fence["info"] and fence["fence"].startswith(around[-1]):
            around.pop()
        elif fence and not fence["info"].startswith("{"):
            closing = fence["fence"]
            if PLAIN.match(fence["info"]) and not REASON.match(before):
                found.append(number)
        elif fence and PLAIN.match(fence["info"]):
            closing = fence["fence"]
            if not REASON.match(before):
                found.append(number)
        elif fence and re.match(r"\{(code-cell|shell|code)", fence["info"]):
            closing = fence["fence"]
        elif fence:
            around.append(fence["fence"])
        before = line if line.strip() else before
    return found


def check(app: Sphinx, docname: str, source: list[str]) -> None:
    """Refuse a page with a block of code that nobody knows to work."""
    if docname.startswith(app.config.generated_pages):
        return
    if app.env.doc2path(docname).suffix == ".md" and (lines := not_executed(source[0])):
        page = Path(app.env.doc2path(docname)).relative_to(app.srcdir)
        raise ExtensionError(
            f"{page}:{lines[0]}: this block of code is not executed. Make it a {{code-cell}} or a {{shell}} block, or "
            "write in the line above it why it is not: % not executed: the reason"
        )


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the check with Sphinx."""
    app.add_config_value("generated_pages", (), "env", types=(tuple,))
    app.connect("source-read", check)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
