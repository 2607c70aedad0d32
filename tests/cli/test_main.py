"""The command as a whole."""

import re
import subprocess
import sys

import pytest

import dynplug as dp
from dynplug.cli import COMMANDS


def test_version_and_help(dynplug):
    assert dp.__version__ in dynplug("--version").out
    text = dynplug("train", "-h").out
    for option in ("--set", "--resume", "--out", "RECIPE"):
        assert option in text


def test_the_installed_command_lists_and_fails_in_one_line(tmp_path):
    command = [sys.executable, "-c", "from dynplug.cli import main; main()"]
    listed = subprocess.run([*command, "list", "neuron"], capture_output=True, text=True, check=True)
    assert re.search(r"^  LIF ", listed.stdout, re.MULTILINE)
    assert listed.stderr == ""
    failed = subprocess.run([*command, "train", "no.toml"], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert failed.returncode == 1
    (line,) = failed.stderr.splitlines()
    assert line.startswith("Error: no.toml cannot be read: ")
    assert not list(tmp_path.iterdir())


def test_every_command_is_in_the_help_and_none_is_imported_before_it_is_called(dynplug):
    text = dynplug("-h").out
    for name in COMMANDS:
        assert re.search(rf"^  {name} +[A-Z]", text, re.MULTILINE), name
    code = "import sys, dynplug.cli; print([m for m in sys.modules if m.startswith('dynplug.cli.')])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize("arguments", [["list"], ["plugins"], ["plugins", "--json"], ["new", "neuron", "x"], ["-h"]])
def test_what_only_looks_imports_no_jax(arguments, tmp_path):
    code = (
        f"import sys; sys.argv = ['dynplug', *{arguments!r}]\n"
        "from dynplug.cli import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "sys.exit('jax' in sys.modules or 'numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
