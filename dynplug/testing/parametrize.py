"""The conformance suite as pytest tests."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from dynplug.errors import OptionError
from dynplug.testing.checks import Check, applies, outcome_of
from dynplug.testing.demands import demand
from dynplug.testing.report import check_names
from dynplug.testing.selection import subjects
from dynplug.testing.subject import Skip, Subject, Target
from dynplug.testing.table import checks_of

Test = TypeVar("Test", bound=Callable[..., object])


@dataclass(frozen=True)
class Case:
    """One check of one component, or one rule of all components, as a function without arguments."""

    check: Check
    subjects: tuple[Subject, ...]

    def __call__(self) -> None:
        """Run it; a check that turns out not to apply is a skip with its reason.

        **Raises:** what the check raises, or `ConformanceError` with all components that break a rule.
        """
        import pytest

        if len(self.subjects) == 1:
            try:
                self.check.run(self.subjects[0])
            except Skip as skip:
                pytest.skip(str(skip))
            return
        results = {subject.title: outcome_of(self.check, subject) for subject in self.subjects}
        broken = [f"{title}: {result.reason}" for title, result in results.items() if result.outcome == "failed"]
        demand(not broken, "\n".join([f"{len(broken)} of {len(results)} components break the rule.", *broken]))

    def __repr__(self) -> str:
        return f"{self.subjects[0].title} {self.check.name}" if len(self.subjects) == 1 else self.check.name


def parametrize_with_checks(
    components: str | Sequence[str | tuple[str, Target]], expected_failures: Mapping[str, str] | None = None
) -> Callable[[Test], Test]:
    """Decorate a test, `def test_conformance(check): check()`, to run once for each check of each component.

    A rule for all kinds, such as that arguments are documented, is one case for all components, and names those that
    break it. Checks that do not apply to a component are no cases; `dynplug check -v` lists them with the reasons.

    **Arguments:**

    - `components`: the name of a distribution, for all that it registers; or a list, of ids such as
        `"neuron my-package:my-neuron"`, or of pairs (kind, id), or of pairs (kind, class).
    - `expected_failures`: checks that are known to fail, each with the reason, beside those that a component's spec
        names; they become strict xfails.

    **Raises:** `PluginError` for a distribution that has no usable component, `UnknownNameError`, `OptionError`.
    """
    import pytest

    given = check_names(expected_failures or {})
    params = [
        pytest.param(
            case,
            id=repr(case).replace(" ", "-"),
            marks=[pytest.mark.xfail(strict=True, reason=reason)]
            if (reason := _expected(case, given)) is not None
            else [],
        )
        for case in cases(components, given)
    ]
    return pytest.mark.parametrize("check", params)


def _expected(case: Case, given: Mapping[str, str]) -> str | None:
    """The reason for which a case is expected to fail, if it is."""
    return {**case.subjects[0].spec.expected_failures, **given}.get(case.check.name)


def cases(components: str | Sequence[str | tuple[str, Target]], expected_failures: Collection[str] = ()) -> list[Case]:
    """All checks of all components that they apply to; a component without checks is an error."""
    found = subjects(components)
    if not found:
        raise OptionError("parametrize_with_checks was given no component, so nothing would be checked.")
    for subject in found:
        if not checks_of(subject.kind):
            raise OptionError(f"{subject.title}: there is no check for a {subject.kind}, so nothing would be checked.")
        check_names(subject.spec.expected_failures)
    made = [(check, subject) for subject in found for check in checks_of(subject.kind) if applies(check, subject)]
    rules: dict[Check, list[Subject]] = {}
    for check, subject in made:
        if check.general and check.name not in {*subject.spec.expected_failures, *expected_failures}:
            rules.setdefault(check, []).append(subject)
    alone = [Case(check, (subject,)) for check, subject in made if subject not in rules.get(check, ())]
    return [*(Case(check, tuple(kept)) for check, kept in rules.items()), *alone]
