"""The documentation of a component: from its docstring, unless its spec overrides it."""

import inspect
import re
import textwrap
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass
from types import MappingProxyType

from dynplug.api import Param
from dynplug.errors import DynplugError
from dynplug.plugin.build import build
from dynplug.plugin.component import Component


@dataclass(frozen=True)
class Documentation:
    """A component's docstring and its parts.

    **Attributes:** `text`, the docstring; `params`; `equations` in LaTeX and the `reference` in words, or empty; `doi`,
    that of the first source; `formulas`, the equations stated as text in the class: right-hand sides by left-hand side;
    `identities`, those of the spec, which hold between what its example is given and what it does.
    """

    text: str
    params: tuple[Param, ...]
    equations: tuple[str, ...]
    reference: str
    doi: str
    formulas: Mapping[str, str]
    identities: Mapping[str, str]


def documentation(component: Component) -> Documentation:
    """The documentation of a component, which is imported to read it."""
    spec, target = component.spec, component.load()
    text = inspect.getdoc(target) or spec.summary
    reference = spec.citation or reference_of(text)
    doi = re.search(r"\b10\.\d{4,9}/[^\s{},]*[^\s{},.;]", reference)
    return Documentation(
        text,
        spec.params or params_of(target, spec.arguments),
        spec.equations or equations_of(text),
        reference,
        doi[0] if doi else "",
        formulas_of(component),
        dict(spec.identities),
    )


def params_of(target: Callable[..., object], told: Mapping[str, str] = MappingProxyType({})) -> tuple[Param, ...]:
    """The parameters of a constructor or function, described by `told`, or else by its docstring and fields."""
    text = inspect.getdoc(target) or ""
    fields: Mapping[str, Field] = getattr(target, "__dataclass_fields__", {})
    found: list[Param] = []
    try:
        parameters = inspect.signature(target).parameters.values()
    except (ValueError, TypeError):  # extension types have no signature
        return ()
    for p in parameters:
        doc = told.get(p.name) or argument_of(text, p.name)
        declared: Mapping[str, object] = fields[p.name].metadata if p.name in fields else {}
        found.append(
            Param(
                name=p.name,
                default="" if p.default is p.empty else _as_source(p.default),
                unit=unit_of(doc),
                bounds=(0.0 if declared.get("dynplug.positive") else None, None),
                trainable=bool(declared.get("dynplug.trainable")),
                doc=doc,
            )
        )
    return tuple(found)


def _as_source(default: object) -> str:
    """A default as source; a function by its name, as its `repr` is another in each process."""
    name = getattr(default, "__name__", None)
    return name if callable(default) and isinstance(name, str) else repr(default)


def argument_of(text: str, name: str) -> str:
    """A docstring's entry for an argument, which may share it with others, in one line; empty if there is none."""
    several = r"(?:`\w+`, )*"
    entry = rf"^ *- {several}`{re.escape(name)}`(?:, {several}`\w+`)?: (\S.*(?:\n +(?!- `).*)*)"
    found = re.search(entry, text, re.MULTILINE)
    return " ".join(found[1].split()) if found else ""


def variable_of(text: str, name: str) -> str:
    """A state docstring's clause about a variable, as "potentials `V` and `Vd` [mV]"; empty if there is none."""
    clauses = re.split(r"(?<=\]),|,(?![^\[]*\]| (?:and )?`)|\.(?:\s|$)", text)
    return next((" ".join(clause.split()) for clause in clauses if f"`{name}`" in clause), "")


def unit_of(entry: str) -> str:
    """The first unit in brackets, as in "potential [mV]" or "`V` and `u` [both mV]"; empty if there is none."""
    unit = re.search(r"\[(?:both )?([^\]]+)\](?!\()", entry)
    return unit[1] if unit else ""


def formulas_of(component: Component) -> dict[str, str]:
    """The equations that a class states as text, such as `dV/dt` and `(V_rest - V + R * I) / tau`.

    If they depend on the instance, they are those of the spec's example.
    """
    target, spec = component.load(), component.spec
    if isinstance(getattr(target, "equations", None), property) and spec.example:
        try:
            target = build({"type": component.id, **spec.example}, kind=component.kind.name)
        except DynplugError:  # the conformance suite reports why
            return {}
    if isinstance(equation := getattr(target, "equation", None), str) and equation:
        return {"derivative": equation}
    if not isinstance(getattr(target, "equations", None), Mapping):
        return {}
    lines: dict[str, str] = {}
    for name, left in _FORMULAS.items():
        texts = getattr(target, name, None)
        texts = {"": texts} if isinstance(texts, str) and texts else texts
        for variable, text in dict(texts if isinstance(texts, Mapping) else {}).items():
            simple = variable.isidentifier() or left == "{}"
            lines[left.format(variable if simple else f"({variable})")] = text
    return lines


_FORMULAS = {
    "equations": "d{}/dt",
    "definitions": "{}",
    "starts_at": "{}(0)",
    "spikes_if": "spike",
    "on_spike": "{} after a spike",
    "on_event": "{} after an event",
}
"""The attributes of a class that state equations, with the left-hand side of each line."""


def equations_of(text: str) -> tuple[str, ...]:
    """The displayed equations of a docstring, or else its inline equations."""
    displayed = re.findall(r"\$\$(.+?)\$\$", text, re.DOTALL)
    return tuple(" ".join(e.split()) for e in displayed or re.findall(r"\$([^$]*=[^$]*)\$", text))


def reference_of(text: str) -> str:
    """The text after **Reference:** in a docstring, in one line, or the BibTeX entry in it."""
    if entry := re.search(r"```bibtex\n(.*?)```", text, re.DOTALL):
        return textwrap.dedent(entry[1]).strip()
    found = re.search(r"^\*\*References?:\*\*(.*(?:\n.+)*)", text, re.MULTILINE)
    return " ".join(found[1].split()) if found else ""


def bibtex(reference: str, key: str) -> str:
    """The BibTeX entry of a reference: unchanged, if it is one; otherwise from `AUTHORS (YEAR), TITLE, doi:DOI.`

    A part of the work, as in `TITLE, section 1.3, doi:DOI`, and all that follows the first source go into its note.

    **Arguments:**

    - `reference`: a BibTeX entry, a DOI, or a reference in words.
    - `key`: the entry's key if the reference names no author.
    """
    if reference.startswith("@"):
        return reference.strip()
    if source := re.match(r"(?P<author>[^()]+) \((?P<year>\d{4})\), (?P<rest>.*)", reference):
        surname = unicodedata.normalize("NFKD", source["author"].partition(",")[0].lower())
        key = re.sub(r"[^a-z]", "", surname) + source["year"]
        fields = {"author": _authors(source["author"]), "year": source["year"], **_work(source["rest"])}
    else:
        fields = {"doi" if reference.startswith("10.") else "note": reference}
    lines = "".join(f"  {name} = {{{_escaped(name, value)}}},\n" for name, value in fields.items())
    return f"@misc{{{key},\n{lines}}}"


def _escaped(name: str, value: str) -> str:
    """A field's value without backquotes and, except in identifiers, with LaTeX's special characters escaped."""
    return value if name in ("doi", "eprint") else re.sub(r"[&%#_]", r"\\\g<0>", value.replace("`", ""))


def _authors(text: str) -> str:
    """`A, B., C, D. & E, F.` in BibTeX's form: `A, B. and C, D. and E, F.`"""
    names = re.sub(r"(?<=\.), | & ", " and ", text)
    return re.sub(r" et al\.$", " and others", names)


def _work(text: str) -> dict[str, str]:
    """The fields of `TITLE, doi:DOI`, `TITLE, arXiv:NUMBER` or `TITLE, WHERE`; a title may end with a part."""
    found = re.match(r"(?P<title>.+?), (?P<scheme>doi|arXiv):(?P<id>\S*[^\s.;,])[.;,]?(?P<rest>.*)", text)
    if not found:
        title, _, where = text.removesuffix(".").partition(", ")
        return {"title": title, "howpublished": where} if where else {"title": title}
    identifier = {"doi": found["id"]} if found["scheme"] == "doi" else {"eprint": found["id"], "archiveprefix": "arXiv"}
    part = _PART.search(found["title"])
    title = found["title"][: part.start()] if part else found["title"]
    note = "; ".join(filter(None, (part["part"] if part else "", found["rest"].strip())))
    return {"title": title, **identifier, **({"note": note} if note else {})}


_PART = re.compile(
    r", (?P<part>(?:section|chapter|part|appendix|page|equation|figure|table|§|pp?\.|eqs?\.)s?\s?[\dA-Z].*)$"
)
