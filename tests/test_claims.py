"""The claims of all packages: every component has one, and the ledger says what was measured and nothing else."""

import json
import re
import sys
from pathlib import Path

import pytest

from dynplug.plugin import registry

pytestmark = pytest.mark.quick

ROOT = Path(__file__).parents[1]
KINDS = [
    "neuron",
    "synapse",
    "layer",
    "source",
    "loss",
    "surrogate",
    "integrator",
    "encoder",
    "connector",
    "runner",
    "initializer",
    "plasticity",
    "delivery",
]
ENTRY = {
    "id": "a-b",
    "text": "V_th is 1 [mV]",
    "tolerance": 1e-13,
    "unit": "mV",
    "reference": "Doe, J. (1963), doi:10.1175/1520-0469(1963)020<0130:DNF>2.0.CO;2; NumPy",
    "components": ["neuron:LIF"],
    "measured": 3.14159e-15,
    "test": "test_a.py::test_a[0.1]",
    "versions": {"python": "3.11.9", "jax": "0.10.2", "dynplug": "0.1.0"},
}


@pytest.fixture(scope="module")
def ledger():
    sys.path.insert(0, str(ROOT / "docs" / "_extension"))
    try:
        import ledger
    finally:
        sys.path.pop(0)
    return ledger


@pytest.fixture(scope="module")
def claimed(ledger):
    return {
        about
        for path in (ROOT / "tests").glob("**/test_*.py")
        for claim in ledger.marks(path)
        for about in claim["components"]
    }


@pytest.mark.parametrize("kind", KINDS)
def test_every_component_has_a_claim(claimed, kind):
    ours = {c.spec.name for c in registry().components(kind) if c.plugin.namespace == "dynplug"}
    assert ours - {about.partition(":")[2] for about in claimed if about.startswith(f"{kind}:")} <= {"Constant"}


def test_every_claim_is_about_components_that_there_are(claimed):
    known = {f"{c.kind.name}:{c.spec.name}" for c in registry().components() if c.plugin.namespace == "dynplug"}
    ours = {about for about in claimed if about.count(":") == 1}  # those of packages are kind:namespace:name
    assert ours - known == set()


def test_no_id_stands_twice(ledger):
    assert len(ledger.marked(ROOT)) > 80


@pytest.fixture
def repository(tmp_path):
    for folder, name in (("tests/deep", "a-b"), ("plugins/p/tests", "c")):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / f"test_{name[0]}.py").write_text(
            f'@pytest.mark.claim("{name}", "text", tolerance=1.0, reference="r", components=("neuron:LIF",))\n'
            "def test_it(measured):\n    measured(0.0)\n"
        )
    return tmp_path


def test_the_ledger_is_of_what_is_marked_and_measured(ledger, repository):
    file = repository / "claims.json"
    with pytest.raises(ValueError, match=r"(?s)There is no .*claims\.json\. Measure the claims.*--claims"):
        ledger.measured(repository, file)
    stale = {**ENTRY, "id": "stale"}
    file.write_text(json.dumps([ENTRY, stale]))
    with pytest.raises(ValueError, match=r"not measured in .*: c\. Measure"):
        ledger.measured(repository, file)
    file.write_text(json.dumps([ENTRY, {**ENTRY, "id": "c", "test": "tests/test_c.py::test_it"}, stale]))
    found = ledger.measured(repository, file)
    assert {name: entry["test"] for name, entry in found.items()} == {
        "a-b": "tests/deep/test_a.py::test_a[0.1]",
        "c": "plugins/p/tests/test_c.py::test_it",
    }
    again = '@pytest.mark.claim("c", "text", reference="r")\ndef test_it(): ...\n'
    (repository / "tests" / "test_again.py").write_text(again)
    with pytest.raises(ValueError, match=r"'c' is in plugins/p/tests/test_c\.py and in tests/test_again\.py"):
        ledger.marked(repository)


def test_the_page_has_value_bound_text_source_and_test(ledger):
    accuracy = {**ENTRY, "id": "acc", "components": ["runner:BPTT"], "measured": 0.97222, "unit": "", "at_least": 0.95}
    exact = {**ENTRY, "id": "exact", "components": [], "measured": 0.0, "tolerance": 0.0, "unit": "spikes"}
    del accuracy["tolerance"]
    text = ledger.page({entry["id"]: entry for entry in (ENTRY, accuracy, exact)})
    assert "(claim-a-b)=" in text
    assert r"**3.1 × 10⁻¹⁵ mV** (at most 10⁻¹³). V\_th is 1 \[mV\]." in text
    link = "[doi:10.1175/1520-0469(1963)020\\<0130:DNF\\>2.0.CO;2](<https://doi.org/10.1175/1520-0469(1963)020%3C0130:DNF%3E2.0.CO;2>)"
    assert f"`LIF` · Doe, J. (1963), {link}; NumPy · `test_a.py::test_a[0.1]`" in text
    assert "**0.972** (at least 0.95)" in text
    assert "**0 spikes** (exact)" in text
    assert "dynplug 0.1.0, JAX 0.10.2 and Python 3.11.9" in text
    assert re.findall("^## (.*)$", text, re.MULTILINE) == ["Neurons", "Time, simulation and training", "Others"]


@pytest.mark.parametrize(
    ("measured", "said"),
    [(123.4, "1.2 × 10²"), (12.3, "12"), (0.0123, "0.012"), (1e-9, "10⁻⁹"), (2.04e-16, "2 × 10⁻¹⁶")],
)
def test_numbers_have_two_digits(ledger, measured, said):
    assert ledger.shown({"measured": measured, "unit": ""}) == said


@pytest.mark.parametrize("file", [".ci/run", "docs/developing/documentation.md", "docs/_extension/ledger.py"])
def test_commands_give_the_file_after_an_equals_sign(file):
    text = (ROOT / file).read_text()
    assert "--claims=" in text
    assert "--claims " not in text


def test_a_reference_may_be_a_constant_and_must_be_known(ledger, tmp_path):
    file = tmp_path / "test_a.py"
    text = 'REFERENCE = "a book"\n\n@pytest.mark.claim("a", "text", tolerance=1.0, reference={})\ndef test_it(): ...\n'
    file.write_text(text.format("REFERENCE"))
    assert [claim["reference"] for claim in ledger.marks(file)] == ["a book"]
    file.write_text(text.format("other()"))
    with pytest.raises(ValueError, match="the claim 'a' has no `reference`"):
        list(ledger.marks(file))
