"""Running the registered diagnostics on evidence."""

from collections.abc import Iterator, Sequence
from typing import Any

from dynplug.diagnosis.diagnostic import Diagnostic
from dynplug.diagnosis.evidence import Evidence
from dynplug.diagnosis.finding import Finding
from dynplug.errors import OptionError
from dynplug.plugin import CtrlC, build, in_words, registry, strangers_code

Check = str | dict[str, Any] | Diagnostic  # by its name, by a configuration, or one itself

CHEAP = "cheap"


def diagnostics(checks: Sequence[object] | None = None, *, cheap: bool = False) -> list[tuple[str, Check]]:
    """Diagnostics with their names: all that are registered, or those that were asked for.

    **Arguments:**

    - `checks`: names, configurations or instances; `None` for all that are registered.
    - `cheap`: only those that need no backward pass.

    **Raises:** `OptionError`, `UnknownNameError`.
    """
    if isinstance(checks, str):
        raise OptionError(f"checks={checks!r}: give a list of names, configurations or diagnostics.")
    if checks is None:
        known = registry().components("diagnostic")
        names = [registry().name_of(c) for c in known if not cheap or CHEAP in c.spec.capabilities]
        return [(name, name) for name in names]
    return [_named(check) for check in checks]


def examine(evidence: Evidence, checks: Sequence[tuple[str, Check]]) -> list[tuple[str, Finding]]:
    """The findings of diagnostics, by name. One that fails, as a plugin's may, is a finding; the others still run."""
    return [(name, finding) for name, check in checks for finding in _found(name, check, evidence)]


def _found(name: str, check: Check, evidence: Evidence) -> Iterator[Finding]:
    try:
        with strangers_code(f"the diagnostic {name}", "The others were not run."):
            made = build(check, kind="diagnostic") if isinstance(check, (str, dict)) else check
            findings = list(made.examine(evidence))
    except CtrlC:
        raise
    except Exception as error:  # a stranger's diagnostic may raise anything
        advice = "The other diagnostics have run: tell the author of this one, or leave it out by checks=[...]."
        findings = [Finding("note", "", f"could not be run: {in_words(error)}", advice)]
    yield from findings


def _named(check: object) -> tuple[str, Check]:
    if isinstance(check, str):
        registry().find("diagnostic", check)
        return check, check
    if isinstance(check, dict) and isinstance(check.get("type"), str):
        registry().find("diagnostic", check["type"])
        return check["type"], check
    if isinstance(check, Diagnostic):
        return type(check).__name__, check
    raise OptionError(f"checks: {check!r} is neither the name nor the configuration of a diagnostic, nor one itself.")
