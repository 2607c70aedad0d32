"""The page `claims.md`, the ledger of claims, and the role `claim`, which cites what a test measured.

The numbers are those of a run of the tests, in the file that `DYNPLUG_CLAIMS` names, else in `_build/claims.json`. A
claim that the tests mark and the file lacks fails the build, as does one that a page cites and nobody made. Without a
file, claims are listed without values.
"""

import os
from pathlib import Path

import ledger
from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxRole

ROOT = Path(__file__).parents[2]
_CLAIMS: ledger.Claims = {}


class Claim(SphinxRole):
    """The measured value of a claim, with a link to its entry."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """A cross-reference whose text is the value."""
        if self.text not in _CLAIMS:
            place = "{}:{}".format(*self.get_source_info())
            raise ExtensionError(f"{place}: there is no claim {self.text!r}; claims.md lists all that there are.")
        if (measurements := _file(self.env.srcdir)).exists():
            self.env.note_dependency(measurements)
        value = ledger.shown(_CLAIMS[self.text])
        target = {"reftype": "ref", "reftarget": f"claim-{self.text}", "refexplicit": True, "refdoc": self.env.docname}
        link = pending_xref(self.rawtext, refdomain="std", refwarn=True, **target)
        link += nodes.inline(value, value, classes=["claim-value"])
        return [link], []


def _file(srcdir: str | Path) -> Path:
    return Path(os.environ.get("DYNPLUG_CLAIMS") or Path(srcdir) / "_build" / "claims.json").absolute()


def write(app: Sphinx) -> None:
    """Write the page, if it is another than before."""
    _CLAIMS.clear()
    try:
        wanted = "DYNPLUG_CLAIMS" in os.environ or _file(app.srcdir).exists()
        _CLAIMS.update(ledger.measured(ROOT, _file(app.srcdir)) if wanted else ledger.marked(ROOT))
    except ValueError as error:
        raise ExtensionError(str(error)) from None
    text, path = ledger.page(_CLAIMS), Path(app.srcdir) / "claims.md"
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the page and the role with Sphinx."""
    app.connect("builder-inited", write)
    app.add_role("claim", Claim())
    return {"parallel_read_safe": True, "parallel_write_safe": True}
