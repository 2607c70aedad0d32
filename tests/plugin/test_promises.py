"""docs/plugins: every kind has its contract there, and the tests that promises name exist."""

import ast
import re
from pathlib import Path

import pytest

from dynplug.plugin.kinds import KINDS

ROOT = Path(__file__).parents[2]
PLUGINS = ROOT / "docs" / "plugins"
PROMISES = re.findall(
    r"^(\S.*)\n((?:: `tests/.*`\n)+)", (PLUGINS / "promises.md").read_text(encoding="utf-8"), re.MULTILINE
)


def test_every_kind_has_its_contract():
    """The directive writes the contract, from the code: it must stand under the heading of its kind."""
    text = (PLUGINS / "kinds.md").read_text(encoding="utf-8")
    sections = re.findall(r"^### (\w+)\n\n```\{kind\} (\w+)\n```$", text, re.MULTILINE)
    assert sorted(sections) == sorted((kind, kind) for kind in KINDS)


def test_there_are_promises():
    assert len(PROMISES) >= 9


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise[0][:40])
def test_a_promise_names_tests_that_exist(promise):
    named = re.findall(r"^: `(tests/[\w/]+\.py)::(test_\w+)`$", promise[1], re.MULTILINE)
    assert len(named) == promise[1].count("::")
    assert named
    for path, name in named:
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, f"{path}::{name}"
