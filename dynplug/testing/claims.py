"""Claims: tests that measure how far off a component is, and keep the number.

A pytest plugin, of which a package's tests make use by one line in their `conftest.py`,
`pytest_plugins = ["dynplug.testing.claims"]`:

```python
@pytest.mark.claim(
    "my-neuron-relaxation",
    "Under a constant current the potential is the closed form",
    tolerance=1e-6,
    unit="mV",
    reference="Gerstner, W. et al. (2014), section 1.3, doi:10.1017/CBO9781107447615",
    components=("neuron:MyNeuron",),
)
def test_relaxation(measured):
    measured.difference(V, expected)  # or measured(value), with an error that is computed otherwise
```

A claim is marked by its id (in kebab-case), its text and, as keywords, `reference` (what is compared with), either
`tolerance` (an error may not be larger) or `at_least` (an accuracy may not be smaller), `unit`, and `components`, each
as `"kind:Name"`. The worst of all calls and all cases is kept. `pytest --claims=FILE` writes the claims that held as
JSON; what the file has of other runs stays, unless it is measured anew or fails. The test of a claim fails if it never
measures, and if its mark is incomplete or gives the id of another claim.
"""

import json
import math
import os
import platform
import re
from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsFloat

import numpy as np
import pytest
from jax.typing import ArrayLike

from dynplug.errors import OptionError

if TYPE_CHECKING:  # pytest 8.2 has it in no public module
    from _pytest.terminal import TerminalReporter

_FAULT = pytest.StashKey[str]()
_RECORD = pytest.StashKey[dict[str, Any]]()
_PROPERTY = "dynplug-claim"  # of a test's report, by which what workers of pytest-xdist measured reaches the controller


@dataclass(frozen=True)
class Claim:
    """The contents of the mark of a claim."""

    id: str
    text: str
    reference: str = ""
    tolerance: float | None = None
    at_least: float | None = None
    unit: str = ""
    components: Sequence[str] = ()

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", self.id):
            raise OptionError(f"Claim {self.id!r}: write the id in kebab-case, such as 'lif-intervals'.")
        if not self.text.strip():
            raise OptionError(f"Claim {self.id!r} has no text: say in a sentence what is claimed.")
        if not self.reference.strip():
            raise OptionError(f"Claim {self.id!r} has no reference: say what it is compared with, reference='...'.")
        bounds = [bound for bound in (self.tolerance, self.at_least) if bound is not None]
        if len(bounds) != 1 or not math.isfinite(bounds[0]):
            raise OptionError(
                f"Claim {self.id!r} has tolerance={self.tolerance} and at_least={self.at_least}: give one finite "
                "number, the greatest error or the smallest accuracy."
            )
        if isinstance(self.components, str) or not all(re.fullmatch(r"[\w-]+:\S+", c) for c in self.components):
            raise OptionError(f"Claim {self.id!r}: components={self.components!r} must be like ('neuron:LIF',).")

    def worst(self, one: float | None, other: float) -> float:
        """The worse of two measurements."""
        if one is None:
            return other
        return max(one, other) if self.at_least is None else min(one, other)


def _claim(mark: pytest.Mark) -> Claim:
    try:
        return Claim(*mark.args, **mark.kwargs)
    except TypeError as error:
        raise OptionError(f"Claim {', '.join(map(repr, mark.args[:1]))}: {error}.") from None


class Measured:
    """Asserts that a measured value is within the bound of the test's claim, and records it."""

    def __init__(self, claim: Claim, record: dict[str, Any]):
        self.claim, self._record = claim, record

    def __call__(self, value: SupportsFloat) -> None:
        """An error, or an accuracy if the claim has `at_least`; one number."""
        __tracebackhide__ = True
        self._assert(float(value), "")

    def _assert(self, number: float, where: str) -> None:
        __tracebackhide__ = True
        claim = self.claim
        if not math.isfinite(number):
            pytest.fail(f"Claim {claim.id!r}: what was measured is not finite but {number}{where}.")
        self._record["measured"] = claim.worst(self._record["measured"], number)
        unit = f" {claim.unit}" if claim.unit else ""
        if claim.tolerance is not None and number > claim.tolerance:
            bound = f"tolerance {claim.tolerance:g}{unit}"
        elif claim.at_least is not None and number < claim.at_least:
            bound = f"at least {claim.at_least:g}{unit} is claimed"
        else:
            return
        pytest.fail(f"Claim {claim.id!r} does not hold: measured {number:.6g}{unit}{where}, {bound}. {claim.text}")

    def difference(self, found: ArrayLike, expected: ArrayLike) -> None:
        """The largest absolute difference of two arrays, of which one may be a number."""
        __tracebackhide__ = True
        self._largest(*_pair(found, expected), 1.0)

    def relative(self, found: ArrayLike, expected: ArrayLike, floor: float = 0.0) -> None:
        """The largest difference as a share of what is expected, whose size is raised by `floor` near zero."""
        __tracebackhide__ = True
        found, expected = _pair(found, expected)
        self._largest(found, expected, np.abs(expected) + floor)

    def _largest(self, found: np.ndarray, expected: np.ndarray, scale: ArrayLike) -> None:
        __tracebackhide__ = True
        if found.size == 0:
            pytest.fail(f"Claim {self.claim.id!r}: nothing was compared, the arrays have shape {found.shape}.")
        with np.errstate(all="ignore"):
            difference = np.abs(found - expected)
            share = np.where(difference == 0.0, 0.0, difference / scale)
        at = np.unravel_index(np.argmax(share), share.shape)  # NaN counts as the largest
        index = f" at index {[int(i) for i in at]}" if at else ""
        self._assert(float(share[at]), f"{index}, where {found[at]:.8g} was found and {expected[at]:.8g} expected")


def _pair(found: ArrayLike, expected: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Both in double precision (what is expected may be more precise than what is found) and in one shape."""
    __tracebackhide__ = True
    one, other = np.asarray(found), np.asarray(expected)
    if one.shape != other.shape and one.ndim and other.ndim:
        pytest.fail(f"An array of shape {one.shape} was found, and one of shape {other.shape} expected.")
    kind = complex if np.iscomplexobj(one) or np.iscomplexobj(other) else float
    one, other = np.broadcast_arrays(one.astype(kind), other.astype(kind))
    return one, other


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Measured:
    """Of a test marked as a claim: called with a measured error or accuracy, it asserts the claim and records it."""
    item = request.node
    if fault := item.stash.get(_FAULT, None):
        pytest.fail(fault)
    mark = item.get_closest_marker("claim")
    if mark is None:
        pytest.fail("`measured` is for a test with the mark @pytest.mark.claim, and this one has none.")
    return Measured(_claim(mark), item.stash[_RECORD])


class Ledger:
    """Collects what tests measured, on the process that reports, and writes it in the end."""

    def __init__(self, path: Path):
        self.path = path
        self.held: dict[str, dict[str, Any]] = {}
        self.failed: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the worst case of each claim, and none of which a case failed."""
        for name, record in report.user_properties:
            if name != _PROPERTY:
                continue
            assert isinstance(record, dict)
            if report.failed:
                self.failed.add(record["id"])
            elif report.when == "call" and report.passed and record["measured"] is not None:
                before = self.held.get(record["id"])
                claim = Claim(**{name: record[name] for name in Claim.__dataclass_fields__})
                if before is None or claim.worst(before["measured"], record["measured"]) != before["measured"]:
                    self.held[claim.id] = {**record, "test": report.nodeid}

    def pytest_sessionfinish(self) -> None:
        """Merge the measurements with the file's from other runs, and drop claims that failed."""
        earlier = json.loads(self.path.read_text(encoding="utf-8")) if self.path.exists() else []
        versions = {"python": platform.python_version(), "jax": version("jax"), "dynplug": version("dynplug")}
        kept = {entry["id"]: entry for entry in earlier}
        for record in self.held.values():
            entry = {name: value for name, value in record.items() if value is not None}
            kept[record["id"]] = {**entry, "components": list(record["components"]), "versions": versions}
        entries = [kept[name] for name in sorted(kept) if name not in self.failed]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_name(self.path.name + ".part")
        partial.write_text(json.dumps(entries, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        os.replace(partial, self.path)

    def pytest_terminal_summary(self, terminalreporter: "TerminalReporter") -> None:
        """Say how many there are and where."""
        held = len(self.held.keys() - self.failed)
        terminalreporter.write_line(f"Claims: {held} measured, {len(self.failed)} failed, in {self.path}")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that writes the measurements."""
    parser.addoption("--claims", type=Path, metavar="FILE", help="write the claims that were measured to FILE, as JSON")


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark, and the collector of measurements on the process that reports tests."""
    config.addinivalue_line(
        "markers", "claim(id, text, *, reference, tolerance or at_least, unit, components): the test measures a claim"
    )
    path = config.getoption("claims")
    if path is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Ledger(config.invocation_params.dir / path), "dynplug-claims")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Read all marks, before any test is deselected; a test with a wrong one will fail."""
    known: dict[str, Claim] = {}
    for item in items:
        marks = list(item.iter_markers("claim"))
        if not marks:
            continue
        try:
            if len(marks) > 1:
                raise OptionError(f"A test measures one claim, and this one has {len(marks)}.")
            claim = _claim(marks[0])
            if known.setdefault(claim.id, claim) != claim:
                raise OptionError(
                    f"Two different claims have the id {claim.id!r}: {claim.text!r} and {known[claim.id].text!r}. "
                    "Give one of them another id; cases of one claim have the same mark."
                )
        except OptionError as error:
            item.stash[_FAULT] = str(error)
        else:
            record = {**asdict(claim), "components": list(claim.components), "measured": None}
            for bound in ("tolerance", "at_least"):  # plain numbers, which can be sent from process to process
                record[bound] = None if record[bound] is None else float(record[bound])
            item.stash[_RECORD] = record
            item.user_properties.append((_PROPERTY, record))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """A claim that was not measured is none."""
    if fault := item.stash.get(_FAULT, None):
        pytest.fail(fault, pytrace=False)
    result = yield
    record = item.stash.get(_RECORD, None)
    if record is not None and record["measured"] is None:
        pytest.fail(f"The test of the claim {record['id']!r} ended without a call of `measured`.", pytrace=False)
    return result
