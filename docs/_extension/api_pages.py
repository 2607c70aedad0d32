"""The pages of the API, made from the docstrings: one for each part, listed in `_data/api.toml`.

A component has a page in the catalogue, so that here its first paragraph is enough, and a runner's methods. Docstrings
are Markdown, as pages are.
"""

import ast
import importlib
import inspect
import re
import sys
import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from catalogue import file_name
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.pycode import ModuleAnalyzer


def write_if_changed(file: Path, text: str) -> None:
    """Write a page; an unchanged one is left alone, so that it is not built again."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists() or file.read_text(encoding="utf-8") != text:
        file.write_text(text, encoding="utf-8")


def public_names(module: str) -> list[str]:
    """The classes and functions of dynplug that a package's face exports, in alphabetical order."""
    face = importlib.import_module(module)
    exported = _exported(ast.parse(inspect.getsource(face)))
    return sorted((n for n in exported if not n.startswith("_") and _is_ours(getattr(face, n))), key=str.lower)


def _exported(face: ast.Module) -> set[str]:
    """The public names of a module: its definitions, and its imports of the form `x as x`."""
    defined = {node.name for node in face.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    imports = (alias for node in ast.walk(face) if isinstance(node, ast.ImportFrom) for alias in node.names)
    return defined | {alias.name for alias in imports if alias.asname == alias.name}


def _is_ours(value: Any) -> bool:
    return (inspect.isclass(value) or inspect.isfunction(value)) and value.__module__.partition(".")[0] == "dynplug"


def signature(value: Any) -> str:
    """The arguments of a class or a function with their defaults, without annotations."""
    try:
        parameters = inspect.signature(value).parameters.values()
    except (TypeError, ValueError):
        return ""
    bare = [p.replace(annotation=p.empty, default=_readable(p.default)) for p in parameters if p.name != "self"]
    return str(inspect.Signature(bare))


class _Text(str):
    __slots__ = ()
    __repr__ = str.__str__


def _readable(default: Any) -> Any:
    text = repr(default)
    return default if default is inspect.Parameter.empty or "<" not in text else _Text("...")


def entry(name: str, value: Any, components: dict[Any, str]) -> str:
    """The description of one public name."""
    documented = inspect.isclass(value) or inspect.isroutine(value)
    doc = (inspect.getdoc(value) if documented else attribute_doc(name)) or ""
    if not doc:
        raise ExtensionError(f"{name} is public and has no docstring")
    kind = "exception" if _is_error(value) else "class" if inspect.isclass(value) else "function"
    if not documented:
        kind = "data"
    inner = ""
    page = components.get(value, "")
    if page:
        doc = f"{doc.partition(chr(10) * 2)[0]}\n\n[Equations, parameters and figure](/{page}.md)"
    if kind == "class" and (not page or page.startswith("catalogue/runner/")):
        inner = "".join(_methods(name, value))
    call = signature(value) if kind in ("class", "function") else ""
    return _directive(kind, name + call, f"{doc}\n\n{inner}", 3)


def attribute_doc(name: str) -> str:
    """The text below the assignment of a module's variable or type."""
    package, _, attribute = name.rpartition(".")
    for module in [m for m in sys.modules if m == package or m.startswith(("dynplug.core.", package + "."))]:
        docs = ModuleAnalyzer.for_module(module).find_attr_docs()
        if lines := docs.get(("", attribute)):
            return "\n".join(lines)
    return ""


def _is_error(value: Any) -> bool:
    return inspect.isclass(value) and issubclass(value, BaseException)


def _methods(name: str, value: type) -> Iterator[str]:
    for method, member in inspect.getmembers(value):
        function = inspect.unwrap(member) if callable(member) else None
        owner = getattr(function, "__module__", "") or ""
        if method.startswith("_") or not inspect.isroutine(function) or not owner.startswith("dynplug"):
            continue
        if doc := inspect.getdoc(member):
            yield _directive("method", f"{name}.{method}{signature(member)}", doc, 1)


def _directive(kind: str, head: str, body: str, depth: int) -> str:
    fence = ":" * (3 + depth)
    return f"{fence}{{py:{kind}}} {head}\n\n{_linked(body).strip()}\n{fence}\n\n"


def _linked(text: str) -> str:
    """Markdown in which sections such as **Arguments:** do not run into the list that follows them."""
    return re.sub(r"^(\*\*\w+:\*\*)\n(?=- )", r"\1\n\n", textwrap.dedent(text), flags=re.MULTILINE)


def component_pages() -> dict[Any, str]:
    """The page in the catalogue of each component that is a class or function of dynplug's own."""
    from dynplug.plugin import registry

    pages = {}
    for component in registry().components():
        if component.spec.target.startswith("dynplug."):
            pages[component.load()] = f"catalogue/{component.kind.name}/{file_name(component)}"
    return pages


def generate(app: Sphinx) -> None:
    """Write all pages of the API."""
    table = tomllib.loads((Path(app.srcdir) / "_data" / "api.toml").read_text(encoding="utf-8"))
    components = component_pages()
    for page in table["page"]:
        module = importlib.import_module(page["module"])
        names = page.get("names") or public_names(page["module"])
        text = f"# {page['title']}\n\n{page.get('text') or inspect.getdoc(module)}\n\n"
        text += "".join(entry(f"{page['module']}.{name}", getattr(module, name), components) for name in names)
        write_if_changed(Path(app.srcdir) / "api" / f"{page['file']}.md", text)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the generator with Sphinx."""
    app.connect("builder-inited", generate)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
