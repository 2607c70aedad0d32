"""The catalogue: a page for each component that is registered, with a figure that the component draws.

Pages and figures are written to `catalogue/` before Sphinx reads its sources. A figure is kept beside the built pages,
and is used again until the component's source, what draws it, or a version of what it is made of changes.
"""

import hashlib
import inspect
import json
import os
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import catalogue_portraits as portraits
import catalogue_recipes as recipes
from catalogue_page import Claims, index_of, main_index, page_of
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

from dynplug.plugin import KINDS, Component, registry, undocumented

PROCESSES = 2
MADE_OF = ("dynplug", "jax", "equinox", "diffrax", "optax", "matplotlib")


def file_name(component: Component) -> str:
    """The name of a component's page and figure, without a suffix."""
    return page_name(component.pin.partition("@")[0])


def page_name(name: str) -> str:
    """The name of the page of a component, which is called so, or `NAMESPACE:NAME`."""
    return re.sub(r"[^a-z0-9_-]", "-", name.lower())


def write(app: Sphinx) -> None:
    """Write all pages and figures, and remove those of components that are no longer there."""
    components = list(registry().components())
    gaps = [f"{c.kind.name} {c.id}: {gap}" for c in components for gap in undocumented(c)]
    if gaps:
        raise ExtensionError("These components are not documented in full:\n" + "\n".join(gaps))
    folder, build = Path(app.srcdir) / "catalogue", Path(app.doctreedir).parent
    claims = Claims.read(Path(os.environ.get("DYNPLUG_CLAIMS", build / "claims.json")))
    pages: dict[Path, str | bytes] = {folder / "index.md": main_index(components, file_name)}
    drawn = {c.id + c.kind.name: f for c, f in zip(components, figures(components, build / "portraits"), strict=True)}
    for kind in KINDS.values():
        of_kind = [c for c in components if c.kind is kind]
        pages[folder / kind.name / "index.md"] = index_of(kind, of_kind, file_name)
        for component in of_kind:
            path, portrait = folder / kind.name / file_name(component), drawn[component.id + component.kind.name]
            found = json.loads(portrait.with_suffix(".json").read_text(encoding="utf-8"))
            text = page_of(component, file_name(component), found["checks"], claims, found["python"])
            pages[path.with_suffix(".md")] = text
            pages[path.with_suffix(".svg")] = portrait.read_bytes()
    for path, content in pages.items():
        _write_if_changed(path, content.encode() if isinstance(content, str) else content)
    for old in set(folder.rglob("*.*")) - set(pages):
        old.unlink()


def figures(components: Iterable[Component], cache: Path) -> list[Path]:
    """The files of the figures of components, drawn where they are not kept from before."""
    drawing = _digest(_drawing_files())
    wanted = [cache / f"{c.kind.name}-{file_name(c)}-{_key(c, drawing)}.svg" for c in components]
    missing = [(c.kind.name, c.id, str(path)) for c, path in zip(components, wanted, strict=True) if not path.exists()]
    cache.mkdir(parents=True, exist_ok=True)
    if missing:
        with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
            told = [problem for problem in pool.map(portraits.draw, missing) if problem]
        if told:
            raise ExtensionError("These components cannot be drawn:\n" + "\n".join(told))
    for old in set(cache.iterdir()) - {path.with_suffix(suffix) for path in wanted for suffix in (".svg", ".json")}:
        old.unlink()
    return wanted


def _key(component: Component, drawing: str) -> str:
    """A digest of all that a figure depends on: component, example, source, drawing code, and versions."""
    target, spec = component.load(), component.spec
    files = sorted(_sources(getattr(target, "func", target)))  # optax's nadam is a partial
    told = [component.id, spec.target, json.dumps(dict(spec.example), default=str), _digest(files), drawing]
    return hashlib.sha256("\n".join([*told, *_versions(component)]).encode()).hexdigest()[:16]


def _sources(target: Any) -> set[Path]:
    """The files of a function, or of a class and its bases."""
    parts = inspect.getmro(target) if isinstance(target, type) else (inspect.unwrap(target),)
    found = (inspect.getsourcefile(part) for part in parts if part.__module__ not in ("builtins", "abc", "typing"))
    return {Path(file) for file in found if file}


def _versions(component: Component) -> Iterator[str]:
    for name in sorted({*MADE_OF, component.plugin.distribution}):
        yield f"{name} {version(name)}"


def _drawing_files() -> list[Path]:
    import dynplug as dp

    return [*sorted(Path(dp.plot.__file__).parent.rglob("*.py")), Path(portraits.__file__), Path(recipes.__file__)]


def _digest(files: list[Path]) -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def _write_if_changed(path: Path, content: bytes) -> None:
    if not path.exists() or path.read_bytes() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the generator with Sphinx."""
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
