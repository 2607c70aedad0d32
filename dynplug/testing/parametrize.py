"""The conformance suite as pytest tests."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dynplug.errors import OptionError
from dynplug.testing.checks import Check
from dynplug.testing.report import check_names
from dynplug.testing.selection import subjects
from dynplug.testing.subject import Skip, Subject
from dynplug.testing.table import checks_of


@dataclass(frozen=True)
class Case:
    """One check of one component, as a function without arguments."""

    check: Check
    subject: Subject

    def __call__(self) -> None:
        """Run it; a check that does not apply is a skip with its reason."""
        import pytest

        try:
            self.check.run(self.subject)
        except Skip as skip:
            pytest.skip(str(skip))

    def __repr__(self) -> str:
        return f"{self.subject.title} {self.check.name}"


def parametrize_with_checks(
    components: str | Sequence[Any], expected_failures: Mapping[str, str] | None = None
) -> Callable[[Any], Any]:
    """Decorate a test, `def test_conformance(check): check()`, to run once for each check of each component.

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
            id=f"{case.subject.title} {case.check.name}".replace(" ", "-"),
            marks=[pytest.mark.xfail(strict=True, reason=reason)]
            if (reason := {**case.subject.spec.expected_failures, **given}.get(case.check.name)) is not None
            else [],
        )
        for case in cases(components)
    ]
    return pytest.mark.parametrize("check", params)


def cases(components: str | Sequence[Any]) -> list[Case]:
    """All checks of all components; a component without checks is an error."""
    found = subjects(components)
    if not found:
        raise OptionError("parametrize_with_checks was given no component, so nothing would be checked.")
    made: list[Case] = []
    for subject in found:
        checks = checks_of(subject.kind)
        if not checks:
            raise OptionError(f"{subject.title}: there is no check for a {subject.kind}, so nothing would be checked.")
        check_names(subject.spec.expected_failures)
        made += [Case(check, subject) for check in checks]
    return made
