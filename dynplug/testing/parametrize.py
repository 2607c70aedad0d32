"""The conformance suite as tests of pytest's."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dynplug.errors import OptionError, PluginError, UnknownNameError, nearest
from dynplug.plugin import registry
from dynplug.plugin.discovery import Plugin, normalised
from dynplug.testing.check import Check
from dynplug.testing.report import check_names
from dynplug.testing.subject import Skip, Subject, subject_of
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
    - `expected_failures`: checks that are known to fail, each with the reason; they become strict xfails.

    **Raises:** `PluginError` for a distribution that has no usable component, `UnknownNameError`, `OptionError`.
    """
    import pytest

    expected = check_names(expected_failures or {})
    params = [
        pytest.param(
            case,
            id=f"{case.subject.title} {case.check.name}".replace(" ", "-"),
            marks=[pytest.mark.xfail(strict=True, reason=expected[case.check.name])]
            if case.check.name in expected
            else [],
        )
        for case in cases(components)
    ]
    return pytest.mark.parametrize("check", params)


def cases(components: str | Sequence[Any]) -> list[Case]:
    """All checks of all components; a component without any is an error."""
    found = subjects(components)
    if not found:
        raise OptionError("parametrize_with_checks was given no component, so nothing would be checked.")
    made: list[Case] = []
    for subject in found:
        checks = checks_of(subject.kind)
        if not checks:
            raise OptionError(f"{subject.title}: there is no check for a {subject.kind}, so nothing would be checked.")
        made += [Case(check, subject) for check in checks]
    return made


def subjects(components: str | Sequence[Any]) -> list[Subject]:
    """The components of a distribution, or those of a list."""
    if isinstance(components, str):
        return of_distribution(components)
    return [_one(item) for item in components]


def of_distribution(name: str) -> list[Subject]:
    """All components that a distribution registers.

    **Raises:** `UnknownNameError` where it is not installed or no plugin; `PluginError` where it was set aside.
    """
    plugins = [p for p in registry().plugins if normalised(p.distribution) == normalised(name)]
    if not plugins:
        known = (p.distribution for p in registry().plugins)
        raise UnknownNameError(f"No installed distribution called {name!r} is a plugin. {nearest(name, known)}")
    for plugin in plugins:
        if not plugin.usable and plugin.status != "shadowed":
            raise _set_aside(plugin)
    found = [Subject(c) for c in registry().components() if c.plugin in plugins]
    if not found:
        raise PluginError(f"{name} registers no component, so nothing can be checked.")
    return found


def _set_aside(plugin: Plugin) -> PluginError:
    error = PluginError(f"{plugin.distribution} {plugin.version} is {plugin.status}: {plugin.note}.")
    error.__cause__ = plugin.cause
    return error


def _one(item: Any) -> Subject:
    if isinstance(item, str):
        item = item.split(maxsplit=1)
    if len(item) != 2:
        raise OptionError(f"{item!r} names no component: write 'neuron my-package:my-neuron', or (kind, id).")
    kind, name_or_target = item
    return subject_of(kind, name_or_target)
