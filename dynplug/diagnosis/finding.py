"""A finding of a diagnostic, and its level of severity."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dynplug.errors import OptionError

LEVELS = ("ok", "note", "warning")
"""Levels of severity: no problem, worth knowing, or a reason to stop and look."""


@dataclass(frozen=True)
class Finding:
    """One row of a diagnosis.

    ```python
    dp.diagnosis.Finding("warning", "hidden", "no unit spikes", "Make the weights larger.", {"silent": 1.0})
    ```

    **Arguments:**

    - `level`: `"ok"`, `"note"` or `"warning"`.
    - `where`: the path of the part that it is about; empty for the whole.
    - `what`: the observation, in a few words with numbers.
    - `advice`: a sentence that says what to do.
    - `numbers`: the measurements by name, for programs.

    **Raises:** `OptionError` for another level, and for a note or a warning without advice.
    """

    level: str
    where: str
    what: str
    advice: str = ""
    numbers: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise OptionError(f"Finding(level={self.level!r}): give one of {', '.join(map(repr, LEVELS))}.")
        if self.level != "ok" and not self.advice:
            raise OptionError(f"Finding({self.level!r}, {self.where!r}, {self.what!r}) needs a sentence of advice.")
