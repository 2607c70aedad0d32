"""Checks of a component's spec and docstring, for every kind."""

import ast
import dataclasses
import inspect
import re
from functools import cache

from dynplug.plugin import Imported, argument_of, imports_of, normalise, unit_of
from dynplug.testing.demands import demand
from dynplug.testing.subject import Skip, Subject

_DOI = re.compile(r"10\.\d{4,9}/\S*[^\s.,;]")
_COHERENT = {"ms", "mV", "nA", "µA", "MΩ", "nF", "µF", "µS", "mS", "kHz"}
_ELECTRICAL = re.compile(r"(?<![A-Za-zµΩ])((?:p|n|µ|u|m|k|M|G)?(?:s|V|A|Ω|Ohm|F|S|Hz))(?![A-Za-zµΩ])")


def builds(subject: Subject) -> None:
    """An instance can be built from the spec's `example`."""
    if subject.kind == "runner":  # is made for a model, by other checks
        _ = subject.target
    else:
        subject.make()


def hooks_import_no_jax(subject: Subject) -> None:
    """Importing the hook module imports no JAX, so that listing stays fast."""
    module = subject.component.plugin.entry_point.partition(" = ")[2].partition(":")[0].strip()
    found = _imported(module)
    demand(not found.error, f"Importing {module} failed: {found.error}")
    demand(not found.jax, f"{module} imports JAX: import dynplug.api alone, and name targets by strings.")


@cache
def _imported(module: str) -> Imported:
    return imports_of([module])[module]


def names_are_well_formed(subject: Subject) -> None:
    """The spec has a one-line summary, and its aliases differ from each other and from the name."""
    spec = subject.spec
    demand(spec.summary and "\n" not in spec.summary, f"The summary must be one line; it is {spec.summary!r}.")
    names = [normalise(name) for name in (spec.name, *spec.aliases)]
    demand(
        len(set(names)) == len(names), f"An alias says no more than another or the name: {(spec.name, *spec.aliases)}."
    )


def citation_is_well_formed(subject: Subject) -> None:
    """The DOIs in the docstring are well-formed."""
    for text in dois(subject):
        demand(_DOI.match(text), f"{text!r} is no DOI: it begins with '10.', then digits, a slash and a name.")


def arguments_are_documented(subject: Subject) -> None:
    """`**Arguments:**` lists every argument of the constructor, and every constant with its unit in brackets."""
    doc, target = doc_of(subject), subject.target
    constants = {f for f, field in _fields(target).items() if "dynplug.positive" in field.metadata}
    systems = subject.kind in ("neuron", "synapse", "source")
    for name, p in inspect.signature(target).parameters.items():
        if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
            continue
        text = argument_of(doc, name)
        demand(text, f"{name!r} is not documented: add a line '- `{name}`: ...' under **Arguments:**.")
        demand(
            unit_of(text) or not systems or name not in constants,
            f"{name!r} has no unit: end its line with one in brackets.",
        )


def units_are_coherent(subject: Subject) -> None:
    """Electrical units in brackets are dynplug's coherent ones, so that no conversion factors are needed."""
    units = re.findall(r"\[([^\]\n\"'`]+)\](?!\()", doc_of(subject)) + [p.unit for p in subject.spec.params]
    for unit in units:
        foreign = [found for found in _ELECTRICAL.findall(unit) if found not in _COHERENT]
        demand(not foreign, f"[{unit}]: {foreign} is not among {sorted(_COHERENT)}, which need no conversion.")


def params_match_constructor(subject: Subject) -> None:
    """The spec's `params`, if any, have the same names and defaults as the constructor."""
    accepted = {
        name: p
        for name, p in inspect.signature(subject.target).parameters.items()
        if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    }
    listed = {p.name: p for p in subject.spec.params}
    demand(
        listed.keys() == accepted.keys(),
        f"params and constructor differ in {sorted(listed.keys() ^ accepted.keys())}.",
    )
    for name, p in accepted.items():
        default = "" if p.default is p.empty else repr(p.default)
        demand(
            _same(listed[name].default, default), f"{name!r}: params say {listed[name].default!r}, it is {default!r}."
        )


def _same(listed: str, real: str) -> bool:
    try:
        return ast.literal_eval(listed) == ast.literal_eval(real)
    except (ValueError, SyntaxError):
        return listed == real


def doc_of(subject: Subject) -> str:
    """The docstring of a component's class or function.

    **Raises:** `Skip` if it cannot be imported.
    """
    try:
        return inspect.getdoc(subject.target) or ""
    except Exception as error:
        raise Skip("it cannot be imported: see the check 'builds'") from error


def dois(subject: Subject) -> list[str]:
    """The DOIs that the docstring cites, well-formed or not."""
    return re.findall(r"doi(?:\.org/|:)\s*(\S+)", doc_of(subject), re.IGNORECASE)


def documented_entry(subject: Subject, name: str) -> str:
    """The docstring's entry for an argument; empty if there is none."""
    return argument_of(doc_of(subject), name)


def _fields(target: object) -> dict[str, dataclasses.Field]:
    return getattr(target, "__dataclass_fields__", {})
