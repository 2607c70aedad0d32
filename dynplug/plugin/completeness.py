"""Gaps in the documentation of a component."""

import ast
import inspect
from collections.abc import Iterator
from typing import get_args

from dynplug.api import Param
from dynplug.plugin.component import Component
from dynplug.plugin.documentation import documentation


def undocumented(component: Component) -> list[str]:
    """The gaps in a component's docstring and spec, in words: an empty list if it is documented in full.

    That is a summary, an equation, in LaTeX or as text, a reference, a description of every argument, and the unit of
    every argument that is a real number, `[-]` for a pure number.
    """
    told = documentation(component)
    gaps: list[str] = []
    if not component.spec.summary:
        gaps.append("no summary")
    if not (told.equations or told.formulas):
        gaps.append("no equation: display one, $$...$$, in the docstring, or give the spec's `equations`")
    if not told.reference:
        gaps.append("no reference: **Reference:** in the docstring, or the spec's `citation`")
    gaps += [f"{p.name!r} is not described under **Arguments:**" for p in told.params if not p.doc and p.name != "key"]
    unitless = _real_numbers_without_unit(component, told.params)
    return gaps + [f"{name!r} has no unit in brackets, [-] for a pure number" for name in unitless]


def _real_numbers_without_unit(component: Component, params: tuple[Param, ...]) -> Iterator[str]:
    """The arguments that are real numbers, by their default or annotation, and have no unit."""
    try:
        annotated = inspect.signature(component.load()).parameters
    except (ValueError, TypeError):
        annotated = {}
    for param in params:
        annotation = annotated[param.name].annotation if param.name in annotated else None
        if not param.unit and (_is_real(param.default) or float in (annotation, *get_args(annotation))):
            yield param.name


def _is_real(default: str) -> bool:
    try:
        return isinstance(ast.literal_eval(default), float)
    except (ValueError, SyntaxError):
        return False
