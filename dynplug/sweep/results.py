"""The result of a sweep: a table of its trials, and the importance of each hyperparameter."""

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dynplug.core import write_atomically
from dynplug.search import Outcome, Search
from dynplug.sweep.importance import importance

TABLE, RESULTS = "table.csv", "results.json"
_SHOWN = 20  # rows of the table as text


@dataclass(frozen=True)
class SweepResult:
    """The trials of a sweep; its string is a table, the best first.

    ```python
    search = dp.search.Search(dp.search.Space({"seed": dp.search.Int(0, 1)}), "test/loss", "min")
    done = [({"seed": n}, dp.search.Outcome(n, "finished", value=1.0 - 0.1 * n)) for n in (0, 1)]
    result = dp.sweep.SweepResult.of(search, done)     # what dp.sweep_config returns
    assert result.best["values"] == {"seed": 1}
    ```

    **Attributes:**

    - `search`: the space, the metric, and whether less or more of it is better.
    - `trials`: a dictionary for each trial by number: `"number"`, `"values"` by path, `"folder"`, and the fields of its
        outcome, of which `"status"` is `"finished"`, `"pruned"` or `"failed"`, `"value"` the metric after the last
        epoch, and `"message"` why it failed.
    - `importance`: the share of the metric's variance that each hyperparameter explains by itself, the greatest first,
        over the trials that were finished.
    """

    search: Search
    trials: list[dict[str, Any]]
    importance: dict[str, float]

    @classmethod
    def of(cls, search: Search, rows: Sequence[tuple[Mapping[str, object], Outcome]]) -> "SweepResult":
        """The result that values and outcomes make."""
        trials = [
            {"number": o.number, "values": dict(values), "folder": f"trials/{o.number:04d}", **o.to_json()}
            for values, o in rows
        ]
        done = [trial for trial in trials if trial["status"] == "finished"]
        return cls(search, trials, importance([t["values"] for t in done], [t["value"] for t in done]))

    @property
    def best(self) -> dict[str, Any] | None:
        """The best trial that was finished."""
        return next((trial for trial in self.ranked if trial["status"] == "finished"), None)

    @property
    def ranked(self) -> list[dict[str, Any]]:
        """The trials, the best first, and at last those that were pruned or failed."""
        sign, place = (1.0 if self.search.mode == "min" else -1.0), ("finished", "pruned", "failed")
        return sorted(self.trials, key=lambda t: (place.index(t["status"]), sign * (t["value"] or 0.0), t["number"]))

    def to_json(self) -> dict[str, object]:
        """All of it, as plain values."""
        shares = {path: None if math.isnan(share) else share for path, share in self.importance.items()}
        best = self.best
        return {
            "folder": str(self.search.folder),
            "metric": self.search.metric,
            "mode": self.search.mode,
            "best": best and best["number"],
            "importance": shares,
            "trials": self.trials,
        }

    def write(self) -> None:
        """Write `table.csv` and `results.json` to the sweep's folder."""
        folder = Path(self.search.folder)
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        metrics = list(dict.fromkeys(name for trial in self.trials for name in _metrics(trial)))
        writer.writerow(["trial", "status", *self.search.space, *metrics, "epoch", "seconds", "message"])
        for trial in self.trials:
            values = [trial["values"].get(path, "") for path in self.search.space]
            measured = [_metrics(trial).get(name, "") for name in metrics]
            writer.writerow(
                [
                    trial["number"],
                    trial["status"],
                    *values,
                    *measured,
                    trial["epoch"],
                    trial["seconds"],
                    trial["message"],
                ]
            )
        write_atomically(folder / TABLE, text.getvalue().encode())
        write_atomically(folder / RESULTS, json.dumps(self.to_json(), indent=2).encode())

    def __str__(self) -> str:
        names = _short(list(self.search.space))
        rows = [["trial", self.search.metric, *names.values(), "epochs", "s", ""]]
        for trial in self.ranked[:_SHOWN]:
            value = "" if trial["value"] is None else f"{trial['value']:.4g}"
            told = {"finished": "", "pruned": "pruned", "failed": f"failed: {trial['message']}"}[trial["status"]]
            values = [_shown(trial["values"].get(path, "")) for path in names]
            rows.append([str(trial["number"]), value, *values, str(trial["epoch"]), f"{trial['seconds']:.1f}", told])
        widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]) - 1)]
        lines = [
            "  ".join([*(c.rjust(w) for c, w in zip(row, widths, strict=False)), row[-1]]).rstrip() for row in rows
        ]
        if len(self.trials) > _SHOWN:
            lines.append(f"and {len(self.trials) - _SHOWN} more, in {self.search.folder / TABLE}")
        shares = [f"{names[path]} {share:.0%}" for path, share in self.importance.items() if not math.isnan(share)]
        if shares:
            lines.append(f"Share of the variance of {self.search.metric} that each explains: {', '.join(shares)}")
        return "\n".join(lines)


def _metrics(trial: Mapping[str, Any]) -> dict[str, float]:
    return {f"{phase}/{name}": value for phase, of in trial["metrics"].items() for name, value in of.items()}


def _short(paths: list[str]) -> dict[str, str]:
    """Paths by their last parts, as many as tell them apart."""
    names: dict[str, str] = {}
    for path in paths:
        parts = path.split(".")
        ends = (".".join(parts[-n:]) for n in range(1, len(parts) + 1))
        names[path] = next(e for e in ends if sum(f".{other}".endswith(f".{e}") for other in paths) == 1)
    return names


def _shown(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
