"""The command as a whole."""

import re
import subprocess
import sys

import dynplug as dp


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
