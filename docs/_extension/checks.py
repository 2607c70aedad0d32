"""The directive `checks`: every check of the conformance suite, and the components on which it is proved.

They are read by another process, because they import JAX, which a process that forks should not have done.
"""

import functools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive
from markdown_block import as_nodes
from sphinx.application import Sphinx

from dynplug.plugin import KINDS

FAULTY = Path(__file__).parents[2] / "tests" / "testing" / "faulty"
READ = """
import importlib.util, json, pathlib, sys
from dynplug.testing import CHECKS
found = {c.name: {"name": c.name, "kinds": c.kinds, "needs": [n.name for n in c.needs], "summary": c.summary,
                  "faulty": []} for c in CHECKS.values()}
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.py")):
    spec = importlib.util.spec_from_file_location(f"faulty_{path.stem}", path)
    sys.modules[spec.name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for fault in module.FAULTS:
        found[fault["check"]]["faulty"].append(fault["target"].__name__)
print(json.dumps(list(found.values())))
"""


@functools.cache
def of_the_suite() -> list[dict[str, Any]]:
    """The checks in the order in which they run."""
    done = subprocess.run([sys.executable, "-c", READ, str(FAULTY)], check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def listed(kinds: frozenset[str]) -> str:
    """The checks of exactly these kinds as a list of definitions."""
    lines: list[str] = []
    for check in of_the_suite():
        if frozenset(check["kinds"]) != kinds:
            continue
        needs = f" (only if: {', '.join(check['needs'])})" if check["needs"] else ""
        found = ", ".join(f"`{name}`" for name in dict.fromkeys(check["faulty"]))
        lines += [f"({check['name']})=", f"`{check['name']}`{needs}", f": {check['summary']}"]
        lines += ["", f"  Finds: {found}." if found else "", ""]
    return "\n".join(lines)


def all_checks() -> str:
    """All checks, by the kinds that they are for."""
    groups = dict.fromkeys(frozenset(check["kinds"]) for check in of_the_suite())
    parts: list[str] = []
    for kinds in groups:
        of = "every kind" if len(kinds) == len(KINDS) else ", ".join(name for name in KINDS if name in kinds)
        parts += [f"**Of {of}**", "", listed(kinds)]
    return "\n".join(parts)


class Checks(Directive):
    """All checks."""

    def run(self) -> list[nodes.Node]:
        """The list."""
        return as_nodes(self, all_checks())


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive with Sphinx."""
    app.add_directive("checks", Checks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
