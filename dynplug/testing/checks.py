"""Checks, the capabilities that they need, and their results."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from dynplug.plugin import KINDS, CtrlC, in_words, strangers_code
from dynplug.testing.subject import Skip, Subject

Outcome = Literal["passed", "failed", "xfailed", "skipped"]


@dataclass(frozen=True)
class Capability:
    """A capability that components of a kind may have or lack.

    `has` looks at the component; `lacks` says in words what is missing where it is not there.
    """

    name: str
    has: Callable[[Subject], bool]
    lacks: str


@dataclass(frozen=True)
class Check:
    """A function of a subject that raises if a component violates its contract, and the components it applies to."""

    function: Callable[[Subject], None]
    kinds: tuple[str, ...]
    needs: tuple[Capability, ...] = ()

    @property
    def name(self) -> str:
        return self.function.__name__

    @property
    def summary(self) -> str:
        return (inspect.getdoc(self.function) or "").partition("\n")[0]

    @property
    def general(self) -> bool:
        """Whether it is a rule for components of every kind."""
        return set(self.kinds) == set(KINDS)

    def lacking(self, subject: Subject) -> str:
        """The capability that the component lacks for the check to apply, in words; empty if there is none."""
        for capability in self.needs:
            if not capability.has(subject):
                return f"not {capability.name}: {capability.lacks}"
        return ""

    def run(self, subject: Subject) -> None:
        """Return if the component passes.

        **Raises:** `Skip` where the check does not apply; anything else where the component fails.
        """
        if lacking := self.lacking(subject):
            raise Skip(lacking)
        self.function(subject)


@dataclass(frozen=True)
class Result:
    """The result of one check, with the reason."""

    check: str
    outcome: Outcome
    reason: str = ""


def applies(check: Check, subject: Subject) -> bool:
    """Whether a check applies; also where a component fails before this is known, which is for its checks to tell."""
    try:
        with strangers_code(f"{subject.title} was looked at", "Nothing was checked."):
            return not check.lacking(subject)
    except CtrlC:
        raise
    except BaseException:  # a stranger's component may raise anything
        return True


def outcome_of(check: Check, subject: Subject, expected: str | None = None) -> Result:
    """Run a check. With `expected`, the reason for a known failure, passing counts as a failure."""
    try:
        with strangers_code(f"{check.name} of {subject.title}", "No other check was run."):
            check.run(subject)
    except Skip as skip:
        return Result(check.name, "skipped", str(skip))
    except CtrlC:
        raise
    except BaseException as error:  # a stranger's component may raise anything
        if expected is not None:
            return Result(check.name, "xfailed", expected)
        return Result(check.name, "failed", in_words(error).removeprefix("ConformanceError: "))
    if expected is not None:
        return Result(
            check.name, "failed", f"It was expected to fail ({expected}) and passed: remove it from the list."
        )
    return Result(check.name, "passed")
