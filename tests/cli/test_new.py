"""`dynplug new`."""

import re

import pytest

pytestmark = pytest.mark.quick


def test_a_new_package_is_listed_with_what_to_do_next(dynplug, tmp_path):
    result = dynplug("new", "neuron", "AdexLite", "--out", tmp_path)
    assert result.code == 0
    *written, last = result.out.splitlines()
    home = tmp_path / "dynplug-adex-lite"
    assert sorted(line.strip() for line in written) == sorted(
        str(p.relative_to(home)) for p in home.rglob("*") if p.is_file()
    )
    assert last.startswith(f"Made {home}. Next: pip install -e '{home}[test]' && pytest ")
    assert last.endswith("dynplug check dynplug-adex-lite")


def test_by_default_it_is_made_here(dynplug, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "pip install -e './dynplug-x[test]'" in dynplug("new", "losses", "x").out
    assert (tmp_path / "dynplug-x" / "pyproject.toml").exists()


def test_what_cannot_be_made_is_one_line(dynplug, one_line, tmp_path):
    assert "Invalid name '2x'" in one_line(dynplug("new", "neuron", "2x", "--out", tmp_path))
    assert "no kind of component called 'nerve'" in one_line(dynplug("new", "nerve", "x", "--out", tmp_path))
    assert dynplug("new", "neuron", "x", "--out", tmp_path).code == 0
    assert "dynplug-x exists already" in one_line(dynplug("new", "loss", "x", "--out", tmp_path))


def test_a_folder_that_cannot_be_written_is_one_line(dynplug, one_line, tmp_path):
    (tmp_path / "file").write_text("")
    line = one_line(dynplug("new", "neuron", "x", "--out", tmp_path / "file"))
    assert re.fullmatch(rf"Error: {tmp_path}/file\S* cannot be written: Not a directory\.", line)
