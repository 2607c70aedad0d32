"""The results of all checks of a component."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dynplug.errors import OptionError, nearest
from dynplug.testing.checks import Outcome, Result, outcome_of
from dynplug.testing.subject import Subject, Target, subject_of
from dynplug.testing.table import CHECKS, checks_of


@dataclass(frozen=True)
class CheckReport:
    """The results of a component's checks; `print(report)` shows them.

    **Attributes:**

    - `component`: its kind and id.
    - `results`: the outcome of each check, and the reason.
    """

    component: str
    results: tuple[Result, ...]

    @property
    def ran(self) -> list[str]:
        """The checks that were not skipped."""
        return [r.check for r in self.results if r.outcome != "skipped"]

    @property
    def passed(self) -> list[str]:
        return [r.check for r in self.results if r.outcome == "passed"]

    @property
    def failed(self) -> dict[str, str]:
        """The failures, by check."""
        return self._reasons("failed")

    @property
    def xfailed(self) -> dict[str, str]:
        """The reasons for expected failures, by check."""
        return self._reasons("xfailed")

    @property
    def skipped(self) -> dict[str, str]:
        """The reasons for skipping, by check."""
        return self._reasons("skipped")

    @property
    def ok(self) -> bool:
        """Whether at least one check ran and none failed: skips alone are not a success."""
        return bool(self.ran) and not self.failed

    def __str__(self) -> str:
        return "\n".join([self.headline, *(f"  {r.outcome}  {r.check}: {r.reason}" for r in self.results if r.reason)])

    @property
    def brief(self) -> str:
        """The report without the reasons of skips."""
        told = [f"  failed  {check}: {reason}" for check, reason in self.failed.items()]
        told += [f"  expected to fail  {check}: {reason}" for check, reason in self.xfailed.items()]
        return "\n".join([self.headline, *told])

    @property
    def headline(self) -> str:
        """The component and its counts in one line."""
        counts = f"{len(self.ran)} checks ran, {len(self.passed)} passed"
        more = {"failed": self.failed, "expected to fail": self.xfailed, "skipped": self.skipped}
        counts += "".join(f", {len(some)} {word}" for word, some in more.items() if some)
        return f"{'ok    ' if self.ok else 'FAILED'}  {self.component}: {counts}"

    def to_json(self) -> dict[str, object]:
        """The report as plain lists and dictionaries."""
        keys = ("component", "ok", "ran", "passed", "failed", "xfailed", "skipped")
        return {key: getattr(self, key) for key in keys}

    def _reasons(self, outcome: Outcome) -> dict[str, str]:
        return {r.check: r.reason for r in self.results if r.outcome == outcome}


def check_component(
    kind: str,
    name_or_target: Target,
    example: Mapping[str, object] | None = None,
    *,
    checks: Iterable[str] | None = None,
    expected_failures: Mapping[str, str] | None = None,
) -> CheckReport:
    """Run the checks of a kind on one component.

    **Arguments:**

    - `kind`: the kind of component, as `"neuron"`.
    - `name_or_target`: the name of a registered component, or a class or function, as in a notebook.
    - `example`: keyword arguments of a minimal instance; by default those of the component's spec.
    - `checks`: the names of the checks to run; `None` for all.
    - `expected_failures`: checks that are known to fail, each with the reason, beside those of the component's spec.
        One that passes is a failure.

    **Raises:** `OptionError` for an unknown check among `checks` or the expected failures.
    """
    return report_on(subject_of(kind, name_or_target, example), expected_failures, checks)


def report_on(
    subject: Subject, expected_failures: Mapping[str, str] | None = None, checks: Iterable[str] | None = None
) -> CheckReport:
    """Run checks of a subject's kind on it, by default all."""
    expected = {**subject.spec.expected_failures, **check_names(expected_failures or {})}
    known = {check.name: check for check in checks_of(subject.kind)}
    wanted = known if checks is None else list(checks)
    for name in wanted:
        if name not in known:
            raise OptionError(f"checks names {name!r}, which is no check of a {subject.kind}. {nearest(name, known)}")
    results = [outcome_of(known[name], subject, expected.get(name)) for name in wanted]
    results += [_unknown(name, subject.kind, known) for name in subject.spec.expected_failures if name not in known]
    return CheckReport(subject.title, tuple(results))


def _unknown(name: str, kind: str, known: Iterable[str]) -> Result:
    what = f"The spec names it among the expected failures, and no {kind} has such a check."
    return Result(name, "failed", f"{what} {nearest(name, known)}")


def check_names(expected_failures: Mapping[str, str]) -> Mapping[str, str]:
    """The expected failures, all of them of existing checks.

    **Raises:** `OptionError` for one that does not.
    """
    for name in expected_failures:
        if name not in CHECKS:
            raise OptionError(f"expected_failures names {name!r}, which is no check. {nearest(name, CHECKS)}")
    return expected_failures
