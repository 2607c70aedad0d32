"""What pyproject.toml promises: floors that agree everywhere, and tools of one version."""

import re
import tomllib
from pathlib import Path

import pytest

import dynplug as dp
from dynplug.new.examples import EXAMPLES

ROOT = Path(dp.__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PACKAGES = sorted((ROOT / "plugins").glob("*/pyproject.toml"))


def floors(lines):
    """The least versions that requirements name, by distribution."""
    return {name: version for line in lines for name, version in re.findall(r"^([\w-]+)>=([\w.]+)$", line)}


def requirements(project):
    return [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]


OWN = floors(requirements(PROJECT))


@pytest.mark.parametrize("path", PACKAGES, ids=lambda path: path.parent.name)
def test_a_package_of_ours_asks_for_the_versions_that_dynplug_is_tested_with(path):
    project = tomllib.loads(path.read_text())["project"]
    asked = floors(requirements(project))
    asked.pop("dynplug")
    assert asked == {name: OWN[name] for name in asked}
    own = [c for c in PROJECT["classifiers"] if c.startswith("Programming Language")]
    assert [c for c in project["classifiers"] if c.startswith("Programming Language")] == own


@pytest.mark.parametrize("kind", EXAMPLES)
def test_a_new_package_asks_for_the_versions_that_dynplug_is_tested_with(kind):
    asked = floors(EXAMPLES[kind].imports)
    assert asked == {name: OWN[name] for name in asked}
    assert len(asked) == len(EXAMPLES[kind].imports)


def test_the_oldest_python_is_the_first_that_is_named():
    versions = [v for c in PROJECT["classifiers"] for v in re.findall(r":: (3\.\d+)$", c)]
    assert PROJECT["requires-python"] == f">={versions[0]}"
    assert versions == sorted(versions, key=lambda version: int(version[2:]))


@pytest.mark.parametrize("tool", ["ruff", "pyright"])
def test_linters_have_one_version_that_stands_in_one_place(tool):
    """A new version finds new faults: it comes by a commit. The hooks run what the extra `dev` has installed."""
    (pinned,) = [line for line in PROJECT["optional-dependencies"]["dev"] if line.startswith(tool)]
    assert re.fullmatch(rf"{tool}==[\d.]+", pinned)
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    assert hooks.count("- repo:") == hooks.count("- repo: local") == 1
    assert hooks.count("- id:") == hooks.count("language: system")
    assert re.search(rf"entry: {tool}\b", hooks)
