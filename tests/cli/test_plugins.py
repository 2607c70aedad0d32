"""`dynplug plugins`."""

import json
import subprocess
import sys


def test_plugins_are_listed_with_what_became_of_them(dynplug):
    result = dynplug("plugins")
    assert result.code == 0
    assert result.out.splitlines()[0].startswith("dynplug ")
    assert "  registered, " in result.out or "  loaded, " in result.out
    (own,) = [p for p in json.loads(dynplug("plugins", "--json").out) if p["namespace"] == "dynplug"]
    assert own["distribution"] == "dynplug"
    assert own["entry_point"] == "dynplug = dynplug.builtins"


def test_a_plugin_that_was_set_aside_is_said_and_the_command_fails(tmp_path):
    (tmp_path / "bad_hooks.py").write_text("1 / 0")
    folder = tmp_path / "dynplug_bad-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: dynplug-bad\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text("[dynplug.v1]\nbad = bad_hooks\n")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from dynplug.cli import main; main()"
    result = subprocess.run([sys.executable, "-c", code, "plugins"], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "dynplug-bad 1.0  quarantined: ZeroDivisionError: division by zero  [" in result.stdout
