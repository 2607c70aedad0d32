"""Drawing a component, in a process of its own, and what else takes an instance of it."""

import json
import shutil
import warnings
from pathlib import Path

import catalogue_recipes as recipes
import matplotlib

import dynplug as dp
from dynplug.plugin import Component, registry
from dynplug.testing import checks_of, named


def draw(wanted: tuple[str, str, str]) -> str:
    """Draw a component into a file, in a process of the pool; what went wrong, in a line."""
    kind, name, path = wanted
    settings = {"svg.hashsalt": name, "font.size": 10, "axes.spines.top": False, "axes.spines.right": False}
    try:
        component = registry().find(kind, name)
        recipes.run(component)
        found = {"checks": _applying(component), "python": recipes.in_python(component)}
        Path(path).with_suffix(".json").write_text(json.dumps(found), encoding="utf-8")
        with matplotlib.rc_context(settings), warnings.catch_warnings():
            warnings.simplefilter("error")
            new = dp.plot.portrait(kind, name)
            new.savefig(f"{path}.new", format="svg", metadata={"Date": None})
    except Exception as error:
        return f"{kind} {name}: {type(error).__name__}: {error}"
    shutil.move(f"{path}.new", path)
    return ""


def _applying(component: Component) -> list[str]:
    """The checks of the conformance suite for whose capabilities a component has what they need."""
    subject = next(subject for subject in named(component.spec.name) if subject.component is component)
    return [check.name for check in checks_of(component.kind.name) if all(need.has(subject) for need in check.needs)]
