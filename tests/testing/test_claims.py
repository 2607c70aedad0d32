"""Claims: what is measured is asserted, kept and written, by one process or several."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import dynplug as dp

FILE = Path(dp.__file__).parent / "testing" / "claims.py"
HEAD = """
import math
import pytest
import numpy as np

def claim(name, **options):
    return pytest.mark.claim(name, f"What {name} says", **{"reference": "a closed form", **options})
"""
HOLD = """
@claim("worst-of-all", tolerance=0.5, unit="mV", components=("neuron:LIF",))
@pytest.mark.parametrize("k", [1, 3, 2])
def test_cases(k, measured):
    measured(0.01 * k)
    measured(0.1 * k)

@claim("accuracy", at_least=np.float64(0.9))
@pytest.mark.parametrize("k", [2, 1, 3])
def test_accuracy(k, measured):
    measured(np.float32(0.9 + k / 64))

@claim("arrays", tolerance=1e-3)
def test_arrays(measured):
    measured.difference(np.float32([1.0, 2.0]), [1.0, 2.00048828125])
    measured.difference([True, False], 0.9995 * np.array([1.0, 0.0]))
    measured.difference(1.0 + 2.0j, [1.0 + 2.0j] * 3)

@claim("relative", tolerance=0.0625)
def test_relative(measured):
    measured.relative([0.0, 2.125], [0.0, 2.0])
    measured.relative([0.1], [0.0], floor=10.0)

@claim("skipped", tolerance=1.0)
def test_skipped(measured):
    pytest.skip("not here")

def test_no_claim():
    pass
"""
FAIL = """
@claim("never", tolerance=1.0)
def test_never_measured(measured):
    pass

@claim("without-fixture", tolerance=1.0)
def test_without_fixture():
    pass

@claim("one-of-two", tolerance=1.0)
def test_first():
    pass

@pytest.mark.claim("one-of-two", "Something else", tolerance=1.0, reference="r")
def test_second(measured):
    measured(0.0)

@claim("nan", tolerance=1.0)
def test_nan(measured):
    measured(math.nan)

@claim("nan-in-array", tolerance=1.0)
def test_nan_in_array(measured):
    measured.difference([0.0, math.nan], [0.0, 0.0])

@claim("infinite", at_least=0.0)
def test_infinite(measured):
    measured(math.inf)

@claim("no-reference", tolerance=1.0, reference=" ")
def test_no_reference(measured):
    measured(0.0)

@claim("no-bound")
def test_no_bound(measured):
    measured(0.0)

@claim("two-bounds", tolerance=1.0, at_least=0.5)
def test_two_bounds(measured):
    measured(0.7)

@claim("Not_Kebab", tolerance=1.0)
def test_id(measured):
    measured(0.0)

@claim("misspelt", tolerence=1.0)
def test_misspelt(measured):
    measured(0.0)

@claim("components", tolerance=1.0, components="LIF")
def test_components(measured):
    measured(0.0)

@claim("two-a", tolerance=1.0)
@claim("two-b", tolerance=1.0)
def test_two_claims(measured):
    measured(0.0)

def test_unmarked(measured):
    measured(0.0)

@claim("too-far", tolerance=0.5, unit="ms")
@pytest.mark.parametrize("value", [0.25, 0.75])
def test_too_far(value, measured):
    measured(value)

@claim("too-few", at_least=0.5)
def test_too_few(measured):
    measured(0.25)

@claim("where", tolerance=0.5)
def test_where(measured):
    measured.difference(np.eye(2), [[1.0, 0.0], [2.0, 1.0]])

@claim("shapes", tolerance=0.5)
def test_shapes(measured):
    measured.difference(np.ones(3), np.ones((3, 1)))

@claim("nothing", tolerance=0.5)
def test_nothing(measured):
    measured.difference([], [])
"""
SAID = {
    "never_measured": "The test of the claim 'never' ended without a call of `measured`",
    "without_fixture": "The test of the claim 'without-fixture' ended without",
    "first": "ended without a call",
    "second": "Two different claims have the id 'one-of-two': 'Something else' and 'What one-of-two says'",
    "nan": "'nan': what was measured is not finite but nan",
    "nan_in_array": "is not finite but nan at index [1], where nan was found and 0 expected",
    "infinite": "not finite but inf",
    "no_reference": "has no reference: say what it is compared with",
    "no_bound": "tolerance=None and at_least=None: give one",
    "two_bounds": "tolerance=1.0 and at_least=0.5: give one",
    "id": "'Not_Kebab': write the id in kebab-case",
    "misspelt": "unexpected keyword argument 'tolerence'",
    "components": "must be like ('neuron:LIF',)",
    "two_claims": "A test measures one claim, and this one has 2",
    "unmarked": "is for a test with the mark @pytest.mark.claim",
    "too_far[0.75]": "'too-far' does not hold: measured 0.75 ms, tolerance 0.5 ms. What too-far says",
    "too_few": "measured 0.25, at least 0.5 is claimed",
    "where": "measured 2 at index [1, 0], where 0 was found and 2 expected, tolerance 0.5",
    "shapes": "An array of shape (3,) was found, and one of shape (3, 1) expected",
    "nothing": "nothing was compared",
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("claims")
    shutil.copy(FILE, folder)  # alone, as all of dynplug.testing takes seconds to import
    (folder / "conftest.py").write_text('pytest_plugins = ["claims"]\n')
    (folder / "test_hold.py").write_text(HEAD + HOLD)
    (folder / "test_fail.py").write_text(HEAD + FAIL)

    def run(*args, cwd=folder):
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--strict-markers", "-W", "error", "-q"]
        done = subprocess.run([*command, *args], cwd=cwd, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def entries(name):
        return {entry["id"]: entry for entry in json.loads((folder / name).read_text())}

    run.entries, run.folder = entries, folder
    return run


@pytest.mark.parametrize("workers", ["0", "2"])
def test_the_worst_of_all_cases_is_written_whoever_ran_them(run, workers):
    code, said = run("test_hold.py", "-n", workers, "--claims", f"out/{workers}.json")
    assert code == 0, said
    assert "Claims: 4 measured, 0 failed" in said
    found = run.entries(f"out/{workers}.json")
    assert set(found) == {"worst-of-all", "accuracy", "arrays", "relative"}
    worst = found["worst-of-all"]
    assert worst["measured"] == pytest.approx(0.3)
    assert worst["test"] == "test_hold.py::test_cases[3]"
    assert {name: worst[name] for name in ("text", "tolerance", "unit", "reference", "components")} == {
        "text": "What worst-of-all says",
        "tolerance": 0.5,
        "unit": "mV",
        "reference": "a closed form",
        "components": ["neuron:LIF"],
    }
    assert "at_least" not in worst
    assert set(worst["versions"]) == {"python", "jax", "dynplug"}
    assert found["accuracy"]["measured"] == pytest.approx(0.9 + 1 / 64)
    assert (found["accuracy"]["at_least"], found["accuracy"]["test"]) == (0.9, "test_hold.py::test_accuracy[1]")
    assert found["arrays"]["measured"] == pytest.approx(5e-4)
    assert found["relative"]["measured"] == 0.0625


def test_each_mistake_fails_by_itself_and_says_what_is_wrong(run):
    code, said = run("test_fail.py", "--tb=line", "-n", "0")
    assert code == 1
    for name, message in SAID.items():
        assert message in said, name
        assert f"test_{name}" in said
    assert "1 passed" in said  # the case of "too-far" that is not


def test_runs_are_merged_and_what_fails_is_in_the_file_no_more(run):
    run("test_hold.py", "-n", "0", "--claims", "all.json", "-k", "cases or arrays")
    (run.folder / "test_other.py").write_text(
        HEAD + '@claim("other", tolerance=1.0)\ndef test_other(measured):\n    measured(0.5)\n\n'
        '@claim("arrays", tolerance=1e-3)\n@pytest.mark.parametrize("value", [0.0, 1.0])\n'
        "def test_arrays(value, measured):\n    measured(value)\n"
    )
    code, said = run("test_other.py", "-n", "2", "--claims", "all.json")
    assert code == 1, said
    assert "Claims: 1 measured, 1 failed" in said
    assert set(run.entries("all.json")) == {"worst-of-all", "other"}
    run("test_hold.py", "-n", "0", "--claims", "all.json", "-k", "test_cases and 2")
    again = run.entries("all.json")["worst-of-all"]
    assert (again["measured"], again["test"]) == (pytest.approx(0.2), "test_hold.py::test_cases[2]")


def test_claims_are_selected_by_their_mark(run):
    code, said = run("test_hold.py", "-n", "0", "-m", "claim")
    assert code == 0
    assert "8 passed, 1 skipped, 1 deselected" in said


def test_the_option_is_known_where_a_conftest_among_the_tests_brings_it(run, tmp_path):
    # written with a space, pytest takes the file for the place of the tests, before it reads a conftest
    tests, file = tmp_path / "project" / "tests", tmp_path / "elsewhere" / "claims.json"
    shutil.copytree(run.folder, tests, ignore=shutil.ignore_patterns("test_fail.py", "test_other.py", "__pycache__"))
    (tests.parent / "pyproject.toml").write_text('[tool.pytest.ini_options]\ntestpaths = ["tests"]\n')
    code, said = run("-n", "0", f"--claims={file}", cwd=tests.parent)
    assert code == 0, said
    assert {entry["id"] for entry in json.loads(file.read_text())} == {"worst-of-all", "accuracy", "arrays", "relative"}
