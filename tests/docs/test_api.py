"""The pages of the API: what stands on them."""

import sys
import tomllib
from pathlib import Path

import pytest

import dynplug as dp

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {page["module"]: page for page in tomllib.loads((DOCS / "_data" / "api.toml").read_text("utf-8"))["page"]}
ELSEWHERE = {"core", "run"}  # packages whose public names are those of `dynplug` itself


@pytest.fixture
def api_pages(monkeypatch):
    pytest.importorskip("sphinx")
    monkeypatch.syspath_prepend(str(DOCS / "_extension"))
    yield __import__("api_pages")
    for name in ("api_pages", "catalogue"):
        sys.modules.pop(name, None)


def test_every_name_and_module_of_dynplug_has_its_place():
    modules = {module.removeprefix("dynplug.") for module in PAGES}
    names = set(dp.__all__) - {"__version__"}
    assert {name for name in names if name not in modules | ELSEWHERE} == set(PAGES["dynplug"]["names"])


def test_no_name_stands_twice_on_a_page():
    for module, page in PAGES.items():
        names = page.get("names", [])
        assert len(set(names)) == len(names), module


def test_a_name_that_a_module_merely_uses_is_not_its_own(api_pages):
    names = api_pages.public_names("dynplug.neurons")
    assert {"LIF", "HH"} <= set(names)
    assert "missing_attribute" not in names
