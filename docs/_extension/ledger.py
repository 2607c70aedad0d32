"""The ledger of claims as text: what the tests mark, what a run of them measured, and the page that says both."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TESTS = ("tests", "plugins/*/tests")
MEASURE = (
    "rm -f {file}; for tests in tests plugins/*/tests; do "
    'python -m pytest -q -m claim -n 2 --claims={file} "$tests"; done'
)
AREAS = {
    "neuron": "Neurons",
    "synapse": "Synapses",
    "layer": "Layers",
    "source": "Sources",
    "surrogate": "Surrogate derivatives",
    "integrator": "Integrators",
    "runner": "Time, simulation and training",
    "loss": "Losses",
    "encoder": "Encoders",
    "connector": "Connectors",
    "initializer": "Initial values",
    "plasticity": "Plasticity",
    "delivery": "Delivery",
    "task": "Tasks",
    "": "Others",
}
HEAD = """# What was measured

Look up here how far off each part was found to be, compared with what, and by which test.

Every entry is a test that compares a component with something that shares no code with it: a closed form, a published
number, another solver, a loop written by hand. It gives what was measured, the worst of all cases; the bound that the
test asserts; what it is compared with; and where the test is. An error without a unit is a pure number.
{versions}
"""

Claims = dict[str, dict[str, Any]]


def marks(path: Path) -> Iterator[dict[str, Any]]:
    """The arguments of each claim that the source of a test marks, as far as they are literals, or constants of it."""
    source = ast.parse(path.read_text(encoding="utf-8"))
    tests = [n for n in ast.walk(source) if isinstance(n, ast.FunctionDef)]
    assigned = [n for n in source.body if isinstance(n, ast.Assign)]
    constants = {ast.unparse(t): n.value for n in assigned for t in n.targets}
    for node in (decorator for test in tests for decorator in test.decorator_list):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.claim":
            given = {"id": node.args[0], "text": node.args[1]} | {str(k.arg): k.value for k in node.keywords}
            told = {name: _literal(constants.get(ast.unparse(value), value)) for name, value in given.items()}
            if told.get("reference") is None:
                raise ValueError(f"{path}: the claim {told['id']!r} has no `reference` that is text or a constant.")
            yield {"unit": "", "components": (), **{name: value for name, value in told.items() if value is not None}}


def _literal(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError:  # made at run time, such as a tolerance that depends on the machine
        return None


def marked(root: Path) -> Claims:
    """All claims by id, each with the file of its test, without what is measured."""
    found: Claims = {}
    for path in sorted(file for tests in TESTS for file in root.glob(f"{tests}/**/test_*.py")):
        place = path.relative_to(root).as_posix()
        for claim in marks(path):
            other = found.setdefault(claim["id"], {**claim, "test": place})["test"]
            if other != place:
                raise ValueError(
                    f"The claim {claim['id']!r} is in {other} and in {place}: give one of them another id."
                )
    return found


def measured(root: Path, file: Path) -> Claims:
    """The measured value of each marked claim, with the path of its test; a claim without one is an error."""
    how = f"Measure the claims, in {root}, by\n    {MEASURE.format(file=file)}"
    if not file.exists():
        raise ValueError(f"There is no {file}. {how}")
    known = {entry["id"]: entry for entry in json.loads(file.read_text(encoding="utf-8"))}
    ids = {name: claim["test"] for name, claim in marked(root).items()}
    if missing := sorted(ids.keys() - known.keys()):
        raise ValueError(
            f"Claims are marked in the tests but not measured in {file}, as their tests failed or were not run: "
            f"{', '.join(missing)}. {how}"
        )
    return {name: {**known[name], "test": f"{ids[name]}::{known[name]['test'].partition('::')[2]}"} for name in ids}


def shown(entry: dict[str, Any]) -> str:
    """The measured value to two digits, an accuracy to three, with its unit."""
    if "measured" not in entry:
        return "not measured in this build"
    digits = "{:.3g}" if "at_least" in entry else "{:.2g}"
    return f"{_notation(digits.format(entry['measured']))} {entry['unit']}".rstrip()


def bound(entry: dict[str, Any]) -> str:
    """The bound that the test asserts."""
    if "at_least" in entry:
        return f"at least {entry['at_least']:g}"
    tolerance = entry.get("tolerance")
    return "see the test" if tolerance is None else f"at most {_notation(f'{tolerance:g}')}" if tolerance else "exact"


def _notation(number: str) -> str:
    mantissa, _, exponent = number.partition("e")
    if not exponent:
        return mantissa
    power = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"10{power}" if mantissa == "1" else f"{mantissa} × 10{power}"


def linked(reference: str) -> str:
    """A reference in which each DOI and arXiv number is a link."""
    parts = re.split(r"((?:doi:|arXiv:)\S+?)(?=[;,.]?(?:\s|$))", reference)
    return "".join(_link(part) if k % 2 else _plain(part) for k, part in enumerate(parts))


def _link(cited: str) -> str:
    where, _, name = cited.partition(":")
    address = "https://doi.org/" if where == "doi" else "https://arxiv.org/abs/"
    return f"[{where}:{_plain(name)}](<{address}{name.replace('<', '%3C').replace('>', '%3E')}>)"


def _plain(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>$])", r"\\\1", text)


def area(entry: dict[str, Any]) -> str:
    """The kind of the first component that a claim is about."""
    kind = entry["components"][0].partition(":")[0] if entry["components"] else ""
    return kind if kind in AREAS else ""


def page(claims: Claims) -> str:
    """The ledger in Markdown."""
    told = [claim["versions"] for claim in claims.values() if "versions" in claim]
    versions = {
        "Everything was measured with dynplug {dynplug}, JAX {jax} and Python {python}.".format(**v) for v in told
    }
    parts = [HEAD.format(versions=" ".join(sorted(versions)) or "This build has no measurements.")]
    for kind, title in AREAS.items():
        entries = [entry for entry in claims.values() if area(entry) == kind]
        parts += [f"\n## {title}\n"] * bool(entries)
        parts += [_entry(entry) for entry in sorted(entries, key=lambda e: (e["components"][:1], e["id"]))]
    return "".join(parts)


def _entry(entry: dict[str, Any]) -> str:
    about = "".join(f"`{component.partition(':')[2]}` · " for component in entry["components"])
    return (
        f"\n(claim-{entry['id']})=\n\n:::{{container}} claim\n"
        f"**{shown(entry)}** ({bound(entry)}). {_plain(entry['text'])}.\n\n"
        f"{about}{linked(entry['reference'])} · `{entry['test']}`\n:::\n"
    )
