"""Blocks of code that nobody executes are found wherever they are in a page."""

import importlib.util
from pathlib import Path

import pytest

pytest.importorskip("sphinx")

SCRIPT = Path(__file__).parents[2] / "docs" / "_extension" / "code_blocks.py"
TIP = ":::{tip}\nhello\n:::\n\n"
IMAGE = "```{image} a.png\n:alt: a\n```\n\n"
CELL = "```{code-cell} python3\nx\n```\n\n"
TEXT = "```text\nx\n```\n\n"
JSON = "```{code-block} json\n1\n```\n\n"


@pytest.fixture
def not_executed():
    spec = importlib.util.spec_from_file_location("code_blocks", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.not_executed


@pytest.mark.parametrize("before", ["", TIP, IMAGE, CELL, TEXT, JSON, TIP + IMAGE + CELL])
@pytest.mark.parametrize("opening", ["```python", "```{code-block} bash", "~~~toml"])
def test_a_block_that_is_not_executed_is_found_whatever_stands_before_it(not_executed, before, opening):
    page = f"{before}{opening}\nx\n{opening[:3]}\n"
    assert not_executed(page) == [before.count("\n") + 1]


def test_a_block_within_directives_is_found(not_executed):
    assert not_executed("::::{note}\n:::{tip}\n```python\nx\n```\n:::\n```bash\nx\n```\n::::\n") == [3, 7]


@pytest.mark.parametrize(
    "page",
    [
        "% not executed: it needs a GPU\n```python\nx\n```\n",
        ":::{tip}\n% not executed: it needs a GPU\n```python\nx\n```\n:::\n",
        "````text\n```python\nx\n```\n````\n",
        TIP + CELL + TEXT + JSON + "```{shell}\nls\n```\n",
    ],
)
def test_what_is_executed_or_says_why_not_passes(not_executed, page):
    assert not_executed(page) == []
