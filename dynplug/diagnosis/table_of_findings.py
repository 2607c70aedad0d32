"""A diagnosis: the findings of all diagnostics as a table."""

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from dynplug.diagnosis.finding import Finding

_WIDTH = 110  # of a line
_SIGNS = {"ok": "ok", "note": "note", "warning": "WARNING"}


@dataclass(frozen=True)
class Diagnosis:
    """The findings about a model. Its text is a table, with a sentence of advice under each finding.

    ```python
    model = dp.layers.Dense(4, 8, key=jax.random.key(0)) >> dp.neurons.LIF(8)
    x, y = np.zeros((16, 50, 4), np.float32), np.zeros(16, np.int32)     # (samples, time, features), classes
    found = dp.diagnose(model, (x, y), loss_fun="cross_entropy", dt=1.0, checks=["Silence", "NotFinite"])
    assert not found.ok and found.warnings == ["Silence"]
    assert found.of("Silence")[0].numbers["silent"] == 1.0
    ```

    **Attributes:**

    - `rows`: pairs of the name of a diagnostic and a `Finding`.
    - `subject`: the examined model and batch, in words.
    - `seconds`: the duration [s].
    """

    rows: tuple[tuple[str, Finding], ...]
    subject: str = ""
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether there is no warning."""
        return not self.warnings

    @property
    def warnings(self) -> list[str]:
        """The names of the diagnostics that warn, each once, in order."""
        return list(dict.fromkeys(name for name, finding in self.rows if finding.level == "warning"))

    def of(self, name: str) -> list[Finding]:
        """The findings of a diagnostic, by its name."""
        return [finding for of, finding in self.rows if of == name]

    def to_json(self) -> dict[str, object]:
        """All of it as numbers and texts that JSON can hold."""
        rows = [
            {"check": name, "level": f.level, "where": f.where, "what": f.what, "advice": f.advice}
            | {"numbers": {key: _plain(value) for key, value in f.numbers.items()}}
            for name, f in self.rows
        ]
        return {"ok": self.ok, "subject": self.subject, "seconds": self.seconds, "findings": rows}

    def __str__(self) -> str:
        return "\n".join(self._lines())

    __repr__ = __str__

    def _lines(self) -> Iterator[str]:
        if self.subject:
            yield self.subject
        names = max((len(name) for name, _ in self.rows), default=0)
        places = max((len(f.where) for _, f in self.rows), default=0)
        for name, finding in self.rows:
            yield f"{_SIGNS[finding.level]:<8} {name:<{names}}  {finding.where:<{places}}  {finding.what}".rstrip()
            yield from textwrap.wrap(finding.advice, _WIDTH, initial_indent=" " * 9, subsequent_indent=" " * 9)
        count = sum(finding.level == "warning" for _, finding in self.rows)
        yield f"{count or 'no'} warning{'' if count == 1 else 's'}, {self.seconds:.1f} s"


def _plain(value: object) -> object:
    """A number as JSON knows it: what is not finite is `None`."""
    if isinstance(value, (str, bool, int, list, tuple, type(None))):
        return value
    number = float(np.asarray(value))
    return number if np.isfinite(number) else None


def listed(findings: Iterable[tuple[str, Finding]]) -> str:
    """Warnings as sentences of one message."""
    return " ".join(f"{name}{f' ({f.where})' if f.where else ''}: {f.what}. {f.advice}" for name, f in findings)
