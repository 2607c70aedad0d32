"""Promises of pyproject.toml: lower bounds that agree everywhere, and tools of one version."""

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
    foreign = {"optuna", "submitit", "ray", "flax"}  # of which dynplug itself knows nothing
    extras = project["optional-dependencies"].items()
    foreign |= {name for extra, lines in extras if extra != "test" for name in floors(lines)}
    assert {name: least for name, least in asked.items() if name not in foreign} == {
        name: OWN[name] for name in asked if name not in foreign
    }
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


CITATION = (ROOT / "CITATION.cff").read_text(encoding="utf-8")


def test_the_citation_is_of_this_version():
    """Its values are one to a line: every key once, and those that the format needs."""
    keys = dict(re.findall(r"^([a-z-]+):[ \n]+(.*)$", CITATION, re.MULTILINE))
    assert len(keys) == len(re.findall(r"^[a-z-]+:", CITATION, re.MULTILINE))
    assert keys.keys() >= {"cff-version", "message", "title", "authors"}  # what the schema of CFF 1.2.0 requires
    assert keys["cff-version"] == "1.2.0"
    assert keys["version"] == dp.__version__
    assert keys["license"] == PROJECT["license"]
    assert [author["name"] for author in PROJECT["authors"]] == re.findall(r"^  - name: (.*)$", CITATION, re.MULTILINE)


def test_the_citation_parses():
    yaml = pytest.importorskip("yaml", reason="PyYAML, which the extra `docs` brings, is not installed")
    read = yaml.safe_load(CITATION)
    assert read["authors"] == PROJECT["authors"]
    assert read["version"] == dp.__version__


@pytest.mark.parametrize("target", re.findall(r"\]\((?!http)([^)#]+)", (ROOT / "CONTRIBUTING.md").read_text()))
def test_the_links_of_contributing_lead_somewhere(target):
    assert (ROOT / target).exists()
