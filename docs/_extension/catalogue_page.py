"""The text of a component's page, of the pages of kinds, and of the first page of the catalogue."""

import json
import re
import textwrap
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import catalogue_recipes as recipes

import dynplug as dp
from dynplug.api import Param
from dynplug.plugin import KINDS, Component, Kind, bibtex, documentation
from dynplug.testing import CHECKS

_SECTION = re.compile(r"^\*\*(Arguments|Raises|References?|Attributes|Returns):\*\*", re.MULTILINE)
_DISPLAYED = re.compile(r"[ \t]*\n?^[ \t]*\$\$(.+?)\$\$[ \t]*\n?", re.DOTALL | re.MULTILINE)
_FIELDS = ("author", "title", "journal", "year")
_INTRODUCTION = """# Catalogue

This page leads to every component that dynplug and its packages register: what it computes, its parameters with their
units, where it comes from, how it was checked, and a figure that it draws by running.

The pages are made from the registry. `dynplug info KIND NAME` prints the same in a terminal, and
`dp.plot.portrait(KIND, NAME)` draws the same figure.
"""


@dataclass(frozen=True)
class Claims:
    """The claims that the tests have measured: none where they have not been run."""

    records: tuple[dict[str, Any], ...]

    @classmethod
    def read(cls, path: Path) -> "Claims":
        """Those of a file, if it is there."""
        return cls(tuple(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else ())

    def about(self, component: Component) -> list[dict[str, Any]]:
        """Those that name a component."""
        names = {f"{component.kind.name}:{n}" for n in (component.spec.name, component.pin.partition("@")[0])}
        return [record for record in self.records if names.intersection(record.get("components", ()))]


def page_of(component: Component, file: str, applying: list[str], claims: Claims, python: str = "") -> str:
    """A component's page; `python` is how to make it, where that is known already.

    To find out may take JAX, which must not be used in a process that Sphinx forks.
    """
    told, spec = documentation(component), component.spec
    parts = [f"# {spec.name}", _described(component, told), _figure(component, file), _origin(component)]
    parts += ["## Parameters", _parameters(component, told.params), _raises(told.text) if _is_own(component) else ""]
    parts += ["## How to make it", *_recipes(component, python)]
    if told.formulas:
        parts += ["## Equations as they are stated", _equations(told.formulas)]
    if told.identities:
        about = "They hold between what its example is given and what it does."
        parts += ["## Equations of its example", about, _equations(told.identities)]
    parts += ["## Reference", _reference(told.reference, told.doi), _block("bibtex", bibtex(told.reference, spec.name))]
    parts += ["## How it was checked", _checked(component, applying, claims)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _equations(stated: Mapping[str, str]) -> str:
    return _block("text", "\n".join(f"{left} = {right}" for left, right in stated.items()))


def index_of(kind: Kind, components: Iterable[Component], file_name: Callable[[Component], str]) -> str:
    """The page of a kind: its contract and its components."""
    components = list(components)
    files = "\n".join(file_name(c) for c in components)
    contract = f"The contract of {_a(kind.name)}: `{kind.signature}`."
    toctree = f"```{{toctree}}\n:hidden:\n\n{files}\n```"
    return f"# {kind.plural.capitalize()}\n\n{contract}\n\n{_table_of(components, file_name, '')}\n\n{toctree}\n"


def main_index(components: Iterable[Component], file_name: Callable[[Component], str]) -> str:
    """The first page: a table for each kind."""
    components = list(components)
    parts = [_INTRODUCTION]
    for kind in KINDS.values():
        of_kind = [c for c in components if c.kind is kind]
        parts.append(f"## {kind.plural.capitalize()}\n\n{_table_of(of_kind, file_name, f'{kind.name}/')}")
    kinds = "\n".join(f"{kind.plural.capitalize()} <{kind.name}/index>" for kind in KINDS.values())
    return "\n\n".join([*parts, f"```{{toctree}}\n:hidden:\n\n{kinds}\n```"]) + "\n"


def _table_of(components: list[Component], file_name: Callable[[Component], str], folder: str) -> str:
    rows = [f"| [{_qualified(c)}]({folder}{file_name(c)}.md) | {_cell(c.spec.summary)} |" for c in components]
    return "\n".join(["| name | what it is |", "|---|---|", *rows])


def _qualified(component: Component) -> str:
    return component.pin.partition("@")[0]


def _described(component: Component, told: Any) -> str:
    """The docstring up to its first section; of a target of another library the summary and the equations alone."""
    equations = "\n\n".join(f"$$\n{e}\n$$" for e in component.spec.equations)
    if not _is_own(component):
        library, name = component.spec.target.split(":")[0].split(".")[0], component.spec.target.partition(":")[2]
        more = f"This is `{library}.{name}`; the documentation of {library} says more of it."
        return f"{_sentence(component.spec.summary)}\n\n{equations}\n\n{more}"
    section = _SECTION.search(told.text)
    body = told.text[: section.start()] if section else told.text
    return f"{_as_myst(body.strip())}\n\n{equations}".strip()


def _as_myst(text: str) -> str:
    """A docstring as MyST: displayed equations stand alone, and code says why it is not executed here."""
    text = _DISPLAYED.sub(lambda found: f"\n\n$$\n{found[1].strip()}\n$$\n\n", text)
    text = re.sub(r"^```python$", "% not executed: the tests run it\n```python", text, flags=re.MULTILINE)
    return re.sub(r"\n{3,}", "\n\n", text)


def _figure(component: Component, file: str) -> str:
    seen = dp.plot.caption(component.kind.name, component.id)
    alt = f"{component.spec.name}: {seen}"
    return f"```{{figure}} {file}.svg\n:alt: {alt}\n:class: figure\n\n{seen}\n```"


def _origin(component: Component) -> str:
    plugin, spec = component.plugin, component.spec
    aliases = f", also called {', '.join(f'`{a}`' for a in spec.aliases)}" if spec.aliases else ""
    needs = f" It needs {', '.join(f'`{r}`' for r in spec.requires)}." if spec.requires else ""
    return (
        f"{_a(component.kind.name).capitalize()} of the package `{plugin.distribution}` {plugin.version}, revision "
        f"{spec.revision}{aliases}. Its name is `{_qualified(component)}`, its target `{spec.target}`.{needs}"
    )


def _parameters(component: Component, params: tuple[Param, ...]) -> str:
    """The signature, and what each parameter is, as a list of definitions, which fits the screen of a phone."""
    called = component.spec.target.rpartition(":")[2]
    signature = ", ".join(f"{p.name}={p.default}" if p.default else p.name for p in params)
    lines = textwrap.wrap(f"{called}({signature})", 72, subsequent_indent="    ", break_long_words=False)
    meanings = [f"{_term(p)}\n: {_sentence(_meaning(p))}" for p in params]
    return "\n\n".join([_block("text", "\n".join(lines)), *(meanings or ["It has no parameters."])])


def _term(param: Param) -> str:
    """A parameter with its default, unit and bounds, and whether it is trained."""
    low, high = param.bounds
    told = [
        f"`{param.name} = {param.default}`" if param.default else f"`{param.name}`, required",
        f" [{param.unit}]" if param.unit else "",
        f", above {low:g}" if low is not None else "",
        f", below {high:g}" if high is not None else "",
        ", trained by default" if param.trainable else "",
    ]
    return "".join(told)


def _meaning(param: Param) -> str:
    """The description without its unit, which stands beside the name."""
    unit = rf" \[(?:both )?{re.escape(param.unit)}\]" if param.unit else r"(?!)"
    return re.sub(unit, "", param.doc, count=1) or "a `jax.random.key`"


def _raises(text: str) -> str:
    found = re.search(r"^\*\*Raises:\*\*(.*(?:\n.+)*)", text, re.MULTILINE)
    return f"**Raises:** {' '.join(found[1].split())}" if found else ""


def _recipes(component: Component, python: str) -> list[str]:
    reason = "% not executed: the catalogue runs it when it draws the figure"
    python, toml = python or recipes.in_python(component), recipes.in_toml(component)
    return [
        "In Python:",
        f"{reason}\n{_block('python', python)}",
        "In a configuration:",
        f"{reason}\n{_block('toml', toml)}",
    ]


def _reference(reference: str, doi: str) -> str:
    """A reference in words, with links for its DOIs and arXiv numbers; of a BibTeX entry, the link."""
    if reference.startswith("@"):
        fields = (re.search(rf"\b{name} *= *[{{\"](.+?)[}}\"],?\n", reference, re.DOTALL) for name in _FIELDS)
        words = ", ".join(re.sub(r"[{}\\]", "", " ".join(found[1].split())) for found in fields if found)
        return f"{words}, {_doi(doi)}" if doi else words
    if reference.startswith("10."):
        return _doi(reference)
    linked = re.sub(r"doi:(10\.\d{4,9}/\S*[^\s.;,)])", lambda found: _doi(found[1]), reference)
    return re.sub(r"arXiv:(\d{4}\.\d{4,5})", r"[arXiv:\1](https://arxiv.org/abs/\1)", linked)


def _doi(doi: str) -> str:
    shown = re.sub(r"([<>_*()\[\]])", r"\\\1", doi)
    return f"[doi:{shown}](<https://doi.org/{quote(doi, safe='/:;.,-_()')}>)"


def _checked(component: Component, applying: list[str], claims: Claims) -> str:
    lines = []
    for check in (CHECKS[name] for name in applying):
        known = component.spec.expected_failures.get(check.name)
        failing = f" It is expected to fail: {known}" if known else ""
        lines.append(f"- `{check.name}`: {_sentence(check.summary)}{failing}")
    told = [
        f"By the conformance suite of `dynplug.testing`, which runs with the tests, and with `dynplug check "
        f"{component.plugin.distribution}`:",
        "\n".join(lines),
        "A check is skipped where it finds nothing to examine, as that of DOIs in a docstring without one.",
    ]
    if found := claims.about(component):
        told += ["By claims that tests measure:", "\n".join(map(_claim, found))]
    return "\n\n".join(told)


_BOUNDS = {"tolerance": "tolerance", "at_least": "at least"}


def _claim(record: dict[str, Any]) -> str:
    against = f" Compared with {record['reference']}." if record.get("reference") else ""
    bounds = [f"{what} {record[name]}" for name, what in _BOUNDS.items() if name in record] or ["bound: see the test"]
    measured = f" Measured: {record['measured']}; {bounds[0]}." if "measured" in record else ""
    return f"- {_sentence(str(record['text']))}{measured}{against} (`{record['test']}`)"


def _is_own(component: Component) -> bool:
    """Whether the docstring is that of the package, not that of another library."""
    module = component.spec.target.partition(":")[0]
    return module.partition(".")[0] == component.plugin.module.partition(".")[0]


def _block(language: str, text: str) -> str:
    return f"```{language}\n{text}\n```"


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith(".") else f"{text}."


def _a(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"
