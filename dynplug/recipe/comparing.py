"""Comparison of the configurations and results of several runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict

from dynplug.recipe.config import Config
from dynplug.recipe.run_folder import RunFolder
from dynplug.recipe.toml_values import by_path

_NO_METRICS = ("epoch", "phase", "seconds", "step")


class Comparison(TypedDict):
    """The differences of runs, each by the run's place among those that were given."""

    runs: list[str]
    differing: dict[str, list[Any]]
    epoch: list[int]
    metrics: dict[str, list[float | None]]


def compare_runs(folders: Sequence[str | Path]) -> Comparison:
    """The differences of run folders. Nothing is built, so that runs of packages that are not here can be compared.

    **Arguments:**

    - `folders`: the run folders.

    **Returns:** `"runs"`, the folders; `"differing"`, by path the value in each configuration, `None` where it has
    none; `"epoch"`, the last one of each; and `"metrics"`, by phase and name, as `"test/loss"`, what each has there.

    **Raises:** `ConfigError` where there is no run.
    """
    configs = [by_path(Config.of_run(folder).values) for folder in folders]
    paths = dict.fromkeys(path for config in configs for path in config)
    differing = {path: [config.get(path) for config in configs] for path in paths}
    lasts = [_last(RunFolder(folder).lines) for folder in folders]
    names = dict.fromkeys(name for _, metrics in lasts for name in metrics)
    return {
        "runs": [str(folder) for folder in folders],
        "differing": {path: values for path, values in differing.items() if any(v != values[0] for v in values)},
        "epoch": [epoch for epoch, _ in lasts],
        "metrics": {name: [metrics.get(name) for _, metrics in lasts] for name in names},
    }


def _last(lines: Sequence[dict[str, Any]]) -> tuple[int, dict[str, float]]:
    """The last epoch, and its metrics."""
    metrics: dict[str, float] = {}
    for line in lines:
        metrics |= {f"{line['phase']}/{name}": value for name, value in line.items() if name not in _NO_METRICS}
    return lines[-1]["epoch"] if lines else 0, metrics
