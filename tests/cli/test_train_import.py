"""`dynplug train --import FILE`: components of the user's own, without a package."""

import shutil
import sys

import pytest

from dynplug.plugin import registry

pytestmark = pytest.mark.usefixtures("blank_pictures")

OWN = """\
import beside
import dynplug as dp

print("never on the command's own output twice")

@dp.register("loss", "own-loss")
def own_loss(predicts, targets):
    return beside.FACTOR * dp.losses.cross_entropy(predicts, targets)
"""


@pytest.fixture
def own(tmp_path):
    """A file with a loss, which imports the file beside it."""
    (tmp_path / "beside.py").write_text("FACTOR = 0.0\n")
    (tmp_path / "own_parts.py").write_text(OWN)
    yield tmp_path / "own_parts.py"
    for name in ("own_parts", "beside"):
        sys.modules.pop(name, None)
    sys.path[:] = [entry for entry in sys.path if entry != str(tmp_path)]
    registry.cache_clear()


def test_a_recipe_names_what_the_file_registers_and_the_run_can_be_repeated(dynplug, one_line, home, own, tmp_path):
    arguments = ("train", home / "tiny.toml", "--out", tmp_path / "run", "--set", "fit.num_epoch=1")
    result = dynplug(*arguments, "--set", "runner.loss_fun=own-loss", "--import", own)
    assert result.code == 0, result.err
    assert "fit loss 0, " in result.out  # the file's factor
    written = (tmp_path / "run" / "config.toml").read_text()
    assert "# It needs --import own_parts.py.\n" in written
    assert 'loss_fun = "own-loss@1"' in written
    assert (tmp_path / "run" / "own_parts.py").read_text() == OWN
    registry.cache_clear()
    line = one_line(dynplug("train", "--resume", tmp_path / "run"))
    assert "There is no loss called 'own-loss@1'" in line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = 1\nraise ValueError('too bad')\n", "own_parts.py, line 2: ValueError: too bad"),
        ("x = (\n", "own_parts.py, line 1: SyntaxError: "),
        (None, "own_parts.py: there is no such file of Python."),
    ],
)
def test_a_file_that_cannot_be_imported_is_named_with_its_line(dynplug, one_line, home, own, tmp_path, text, expected):
    own.unlink() if text is None else own.write_text(text)
    line = one_line(dynplug("train", home / "tiny.toml", "--out", tmp_path / "run", "--import", own))
    assert f"--import {own.parent}" in line
    assert expected in line
    assert not (tmp_path / "run").exists()


def test_a_file_of_a_module_s_name_is_refused(dynplug, one_line, home, tmp_path):
    shutil.copy(home / "tiny.toml", tmp_path / "json.py")
    assert "there is another module called 'json'" in one_line(
        dynplug("train", home / "tiny.toml", "--import", tmp_path / "json.py")
    )
