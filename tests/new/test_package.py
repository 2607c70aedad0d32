"""A package for every kind, made and installed as far as that goes without an installer: CI does the rest."""

import ast
import re
import sys
import tomllib
from importlib.resources import files

import jax
import pytest

from dynplug import __version__
from dynplug.errors import OptionError, UnknownNameError
from dynplug.new import create
from dynplug.new.examples import EXAMPLES
from dynplug.plugin import build, registry
from dynplug.plugin.documentation import documentation
from dynplug.plugin.kinds import KINDS

TEMPLATES = files("dynplug.new") / "templates"


@pytest.fixture
def made(tmp_path, site, fresh_registry, monkeypatch):
    """A function that makes a package and installs it: its source on the path, and its metadata."""

    def make(kind, name="brand-new"):
        home = create(kind, name, tmp_path)
        project = tomllib.loads((home / "pyproject.toml").read_text())["project"]
        info = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
        info.mkdir()
        requires = "".join(f"Requires-Dist: {r}\n" for r in project["dependencies"])
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n{requires}"
        )
        ((group, entries),) = project["entry-points"].items()
        ((entry, module),) = entries.items()
        (info / "entry_points.txt").write_text(f"[{group}]\n{entry} = {module}\n")
        monkeypatch.syspath_prepend(home / "src")
        return home

    yield make
    for name in [n for n in sys.modules if n.startswith("dynplug_brand_new")]:
        del sys.modules[name]


def test_every_kind_has_an_example_and_templates():
    assert EXAMPLES.keys() == KINDS.keys()
    assert {folder.name for folder in (TEMPLATES / "kinds").iterdir()} == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_package_registers_its_component_which_is_built_from_its_example(made, kind):
    made(kind)
    component = registry().find(kind, "brand-new")
    assert component.id == "brand-new:brand-new@1"
    assert component.spec.summary == EXAMPLES[kind].summary
    assert component.load().__name__ == ("brand_new" if EXAMPLES[kind].function else "BrandNew")
    if kind != "runner":
        build({"type": component.id, **component.spec.example}, kind=kind, key=jax.random.key(0))
    written = documentation(component)
    undocumented = [p.name for p in written.params if not p.doc and p.name not in ("scan_kind", "args", "kwargs")]
    assert not undocumented
    assert written.equations or written.reference or kind in ("runner", "metric", "observer", "diagnostic", "task")


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_package_is_complete_and_well_formed(tmp_path, kind):
    home = create(kind, "brand-new", tmp_path)
    source, plural = "src/dynplug_brand_new", KINDS[kind].plural
    assert {str(p.relative_to(home)) for p in home.rglob("*") if p.is_file()} == {
        *("pyproject.toml", "README.md", ".gitignore"),
        *(f"{source}/__init__.py", f"{source}/hooks.py", f"{source}/{plural}.py", f"{source}/py.typed"),
        *("tests/conftest.py", f"tests/test_{plural}.py", "tests/test_conformance.py"),
    }
    for path in home.rglob("*"):
        text = path.read_text() if path.is_file() else ""
        assert "%{" not in text, path
        if path.suffix == ".py":
            ast.parse(text)
    assert 'parametrize_with_checks("dynplug-brand-new")' in (home / "tests/test_conformance.py").read_text()
    project = tomllib.loads((home / "pyproject.toml").read_text())["project"]
    assert project["dependencies"][0] == f"dynplug>={__version__.rpartition('.')[0]}"


@pytest.mark.parametrize("kind", KINDS)
def test_the_hooks_import_dynplugs_api_alone_and_the_component_only_what_it_requires(tmp_path, kind):
    home = create(kind, "brand-new", tmp_path)
    source = home / "src" / "dynplug_brand_new"
    assert modules(source / "hooks.py") == {"dynplug.api"}
    project = tomllib.loads((home / "pyproject.toml").read_text())["project"]
    required = {re.split("[><=]", r)[0] for r in project["dependencies"]}
    used = {m.split(".")[0] for m in modules(source / f"{KINDS[kind].plural}.py")} - sys.stdlib_module_names
    assert used | {"dynplug"} == required


def modules(path):
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            found.add(node.module)
    return found


def test_a_folder_that_is_there_is_left_alone(tmp_path):
    (tmp_path / "dynplug-mine").mkdir()
    with pytest.raises(OptionError, match="dynplug-mine exists already: choose another name, or another folder"):
        create("neuron", "mine", tmp_path)
    assert not list((tmp_path / "dynplug-mine").iterdir())


@pytest.mark.parametrize(("kind", "name"), [("neuron", "array"), ("neuron", "any"), ("loss", "losses"), ("loss", "e")])
def test_a_name_that_the_example_needs_is_refused(tmp_path, kind, name):
    with pytest.raises(OptionError, match=r"The example uses the name '\w+' itself: choose a more specific name"):
        create(kind, name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_unknown_kind_is_named(tmp_path):
    with pytest.raises(UnknownNameError, match="no kind of component called 'nerve'"):
        create("nerve", "mine", tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_the_prose_of_a_package_has_the_right_article(tmp_path, kind):
    home = create(kind, "brand-new", tmp_path)
    for name in ("README.md", "pyproject.toml"):
        text = (home / name).read_text()
        assert re.search(rf"\ban? {kind}\b", text), name
        assert not re.search(r"\b(a [aeiou]|an [^aeiou])", text.replace(EXAMPLES[kind].summary, "")), name
