"""Creating a package with one component, which can be installed and passes its tests."""

import re
import string
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from dynplug import __version__
from dynplug.api import ENTRY_POINT_GROUP
from dynplug.errors import OptionError
from dynplug.new.examples import EXAMPLES
from dynplug.new.names import Names, names_of
from dynplug.plugin import Kind, kind_named, namespace_of


class _Template(string.Template):
    """Placeholders are `%{name}`, because `$` begins LaTeX; `%%` is a percent sign."""

    delimiter = "%"


def create(kind: str, name: str, folder: str | Path = ".") -> Path:
    """Create a new package in a folder of its own and return that folder.

    **Arguments:**

    - `kind`: the kind of component, such as `neuron`.
    - `name`: its name, such as `adex-lite`; the distribution is called `dynplug-adex-lite`.
    - `folder`: the folder in which the package's folder is created.

    **Raises:** `OptionError` for an invalid name, or if the folder exists or cannot be written; `UnknownNameError` for
    an unknown kind.
    """
    wanted, names = kind_named(kind), names_of(name)
    home = Path(folder) / names.distribution
    if home.exists():
        raise OptionError(f"{home} exists already: choose another name, or another folder with --out.")
    texts = _texts(wanted, names)
    try:
        for path, text in texts.items():
            (home / path).parent.mkdir(parents=True, exist_ok=True)
            (home / path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise OptionError(f"{error.filename or home} cannot be written: {error.strerror}.") from error
    return home


def _texts(kind: Kind, names: Names) -> dict[str, str]:
    """The text of each file of a package, by its path."""
    example = EXAMPLES[kind.name]
    attribute = names.function if example.function else names.cls
    templates = files("dynplug.new") / "templates"
    component = templates / "kinds" / kind.name / "component.py.tmpl"
    if attribute == kind.plural or re.search(rf"\b{attribute}\b", component.read_text(encoding="utf-8")):
        raise OptionError(f"The example uses the name {attribute!r} itself: choose a more specific name.")
    values = {
        "a_kind": f"{'an' if kind.name[0] in 'aeiou' else 'a'} {kind.name}",
        "arguments": example.arguments,
        "attribute": attribute,
        "dependencies": "\n".join(f'    "{requirement}",' for requirement in example.imports),
        "distribution": names.distribution,
        "group": ENTRY_POINT_GROUP,
        "hook": kind.hook,
        "kind": kind.name,
        "module": names.module,
        "name": names.component,
        "plural": kind.plural,
        "namespace": namespace_of(names.distribution),
        "spec": kind.spec.__name__,
        "summary": example.summary,
        "Summary": example.summary[0].upper() + example.summary[1:],
        "version": ".".join(__version__.split(".")[:2]),
    }
    source, shared = f"src/{names.module}", templates / "package"
    made = {
        "pyproject.toml": shared / "pyproject.toml.tmpl",
        "README.md": shared / "README.md.tmpl",
        ".gitignore": shared / "gitignore.tmpl",
        f"{source}/__init__.py": shared / "init.py.tmpl",
        f"{source}/hooks.py": shared / "hooks.py.tmpl",
        f"{source}/{kind.plural}.py": component,
        "tests/conftest.py": shared / "conftest.py.tmpl",
        f"tests/test_{kind.plural}.py": templates / "kinds" / kind.name / "test.py.tmpl",
        "tests/test_conformance.py": shared / "test_conformance.py.tmpl",
    }
    return {path: _filled(template, values) for path, template in made.items()} | {f"{source}/py.typed": ""}


def _filled(template: Traversable, values: dict[str, str]) -> str:
    return _Template(template.read_text(encoding="utf-8")).substitute(values)
