"""CONTRIBUTING.md: the table of kinds is the registry's, and the tests that its promises name exist."""

import ast
import re
from pathlib import Path

import pytest

from dynplug.plugin.kinds import KINDS

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
ROWS = [line.strip("|").split("|") for line in TEXT.splitlines() if "::test_" in line]


def test_the_table_of_kinds_is_that_of_the_code():
    rows = re.findall(r"^\| (\w+) \| `(dynplug_register_\w+)` \| `([^`]+)` \|$", TEXT, re.MULTILINE)
    assert rows == [(kind.name, kind.hook, kind.signature) for kind in KINDS.values()]


def test_there_are_promises():
    assert len(ROWS) >= 9


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0].strip()[:40])
def test_a_promise_names_tests_that_exist(row):
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", row[1])
    assert len(named) == row[1].count("::")
    assert named
    for path, name in named:
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, f"{path}::{name}"
