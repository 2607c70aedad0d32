"""The command as a whole."""

import re
import shlex
import subprocess
import sys

import pytest

import dynplug as dp
from dynplug.cli import COMMANDS, cli
from dynplug.plugin.kinds import KINDS


def test_version_and_help(dynplug):
    assert dp.__version__ in dynplug("--version").out
    text = dynplug("train", "-h").out
    for option in ("--set", "--resume", "--out", "RECIPE"):
        assert option in text


def test_the_installed_command_lists_and_fails_in_one_line(tmp_path):
    command = [sys.executable, "-c", "from dynplug.cli import main; main()"]
    module = [sys.executable, "-m", "dynplug", "list", "neuron"]
    listed = subprocess.run(module, capture_output=True, text=True, check=True)
    assert re.search(r"^  LIF ", listed.stdout, re.MULTILINE)
    assert listed.stderr == ""
    failed = subprocess.run([*command, "train", "no.toml"], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert failed.returncode == 1
    (line,) = failed.stderr.splitlines()
    assert line == "Error: There is no file no.toml."
    assert not list(tmp_path.iterdir())


def test_every_command_is_in_the_help_and_none_is_imported_before_it_is_called(dynplug):
    lines = dynplug("-h").out.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in lines[: len(COMMANDS)]] == ["train", *COMMANDS[1:]]
    for line in lines[: len(COMMANDS)]:
        assert re.fullmatch(r"  [a-z]+ +[A-Z].{20,}[^.]\.", line), line  # whole, and in one line
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


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)], ids="dynplug {}".format)
def test_help_shows_no_markup_and_no_line_that_is_cut(dynplug, command):
    result = dynplug(*command, "--help")
    assert result.code == 0
    assert result.out == dynplug(*command, "-h").out
    for line in result.out.splitlines():
        assert len(line) <= 80, line
        assert "\\" not in line
        assert not re.search(r"\w\.\.\.$", line), line


def test_the_examples_of_every_help_can_be_called(dynplug):
    seen = 0
    for name in COMMANDS:
        for line in dynplug(name, "--help").out.partition("Examples:\n")[2].splitlines():
            program, *words = shlex.split(line)
            if program == "dynplug":
                called, command, rest = cli.resolve_command(cli.make_context("dynplug", list(words)), words)
                command.make_context(called, rest)  # parsed, and not run
                seen += called == name
    assert seen > len(COMMANDS)


def test_whatever_compiles_a_model_takes_components_of_the_users_own():
    options = {name: {p.name for p in cli.get_command(None, name).params} for name in COMMANDS}
    assert {name for name in COMMANDS if "no_cache" in options[name]} >= {"train", "sweep", "diagnose", "predict"}
    assert [name for name in COMMANDS if "no_cache" in options[name] and "imports" not in options[name]] == []


@pytest.mark.parametrize("name", ["list", "info", "new"])
def test_what_takes_a_kind_says_which_there_are(dynplug, name):
    told = " ".join(dynplug(name, "--help").out.split())
    assert f"Kinds: {', '.join(KINDS)}." in told


@pytest.mark.parametrize(
    ("wrong", "told"), [("trian", "Did you mean 'train'?"), ("zzz", f"{', '.join(sorted(COMMANDS))}.")]
)
def test_a_misspelt_command_gets_a_suggestion(dynplug, wrong, told):
    result = dynplug(wrong)
    assert result.code == 2
    assert result.err.splitlines()[-1].startswith(f"Error: There is no command '{wrong}'. ")
    assert result.err.endswith(f"{told}\n")
