"""The script that follows a page as a newcomer does: it executes all of the page, and stops where the page is wrong."""

import importlib.util
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "docs" / "_extension" / "newcomer.py"

PAGE = """\
---
file_format: mystnb
---

```{shell}
:elsewhere: the newcomer script
pip install '.[demo]'
```

```python
never = 1 / 0
```

:::{tip}
```{shell}
:no-output:
echo spam > made.txt
```
:::

````{note}
```{code-cell} python3
---
mystnb:
  image:
    alt: a picture
tags: [raises-exception]
---
never
```
````

```{code-cell} python3
:tags: [remove-output]

assert open("made.txt").read() == "spam\\n"
kept = 3
```

```{code-cell} python3
%%writefile written.toml
kept = 4
```

```{shell}
:fails:
grep -q 5 written.toml
```

```{code-cell} python3
assert kept == 3
assert "kept = 4" in open("written.toml").read()
```
"""


@pytest.fixture
def newcomer(monkeypatch):
    spec = importlib.util.spec_from_file_location("newcomer", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "newcomer", module)
    spec.loader.exec_module(module)

    def environment(home, with_pip):
        """One that costs nothing: this interpreter, and a pip that notes where it was called."""
        (home / "bin").mkdir(parents=True)
        (home / "bin" / "python").symlink_to(sys.executable)
        (home / "bin" / "pip").write_text(f'#!/bin/sh\npwd > "{home.parent}/../installed-in"\n')
        (home / "bin" / "pip").chmod(0o755)

    monkeypatch.setattr(module.venv, "create", environment)
    return module


@pytest.fixture
def follow(newcomer, tmp_path, monkeypatch):
    monkeypatch.setattr(newcomer.tempfile, "tempdir", str(tmp_path))
    root = tmp_path / "root"
    root.mkdir()

    def followed(text, limit=60.0):
        page = tmp_path / "page.md"
        page.write_text(text, encoding="utf-8")
        return newcomer.follow(page, root, limit)

    return followed


def test_all_blocks_are_executed_in_order_and_what_installs_the_clone_in_its_root(follow, tmp_path):
    assert follow(PAGE) == ""
    assert (tmp_path / "installed-in").read_text().strip() == str(tmp_path / "root")


@pytest.mark.parametrize(
    ("was", "now", "block"),
    [
        ("echo spam", "false; echo spam", "false; echo spam"),
        ("echo spam", "false | cat; echo spam", "false | cat"),
        ("echo spam", "echo ham", "made.txt"),
        ("assert kept == 3", "assert kept == 4", "assert kept == 4"),
        ("assert kept == 3", "import os; os._exit(0)", "os._exit"),
        (":fails:", ":no-output:", "grep"),
        ("grep -q 5", "grep -q 4", "grep"),
        ("\nnever\n", "\nnever = 1\n", "never = 1"),
    ],
)
def test_it_stops_at_the_block_that_does_not_end_as_the_page_says(follow, capfd, was, now, block):
    assert PAGE.count(was) == 1
    page = PAGE.replace(was, now)
    problem = follow(page)
    assert block in problem
    line = int(problem.split(":")[1])
    assert any(block in text for text in page.splitlines()[line - 1 : line + 7])


def test_a_block_that_does_not_end_is_named(follow):
    assert "did not end in 0.2 s" in follow("```{shell}\nsleep 20\n```\n", limit=0.2)


@pytest.mark.parametrize(
    ("command", "there"),
    [
        ("pip install '.[demo]'", True),
        ("pip install .", True),
        ("pip install -e '.[test]' build", True),
        ('pip wheel --no-deps --wheel-dir "$VIRTUAL_ENV/wheels" .', True),
        ("pip install './dynplug-mine[test]'", False),
        ("python -m build --wheel .", False),
        ("pip install -e ./dynplug-mine", False),
        ("pip install build", False),
    ],
)
def test_only_what_takes_the_clone_runs_in_its_root(newcomer, command, there):
    assert bool(newcomer.NEEDS_THE_CLONE.search(command)) == there
