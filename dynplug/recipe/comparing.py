"""Comparison of the configurations and results of several runs."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

from dynplug.errors import ConfigError
from dynplug.recipe.config import Config
from dynplug.recipe.run_folder import CONFIG, METRICS


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
    configs = [dict(_items(_config(Path(folder)).values)) for folder in folders]
    paths = dict.fromkeys(path for config in configs for path in config)
    differing = {path: [config.get(path) for config in configs] for path in paths}
    lasts = [_last(Path(folder) / METRICS) for folder in folders]
    names = dict.fromkeys(name for _, metrics in lasts for name in metrics)
    return {
        "runs": [str(folder) for folder in folders],
        "differing": {path: values for path, values in differing.items() if any(v != values[0] for v in values)},
        "epoch": [epoch for epoch, _ in lasts],
        "metrics": {name: [metrics.get(name) for _, metrics in lasts] for name in names},
    }


def _config(folder: Path) -> Config:
    if not (folder / CONFIG).exists():
        raise ConfigError(f"There is no run in {folder}: it has no {CONFIG}.")
    return Config.from_file(folder / CONFIG)


def _items(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        path = f"{above}.{key}" if above else key
        if isinstance(value, Mapping):
            yield from _items(value, path)
        else:
            yield path, value


def _last(path: Path) -> tuple[int, dict[str, float]]:
    """The last epoch, and its metrics."""
    metrics: dict[str, float] = {}
    epoch = 0
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            told = json.loads(line)
        except ValueError:  # cut off
            continue
        epoch, phase = told.pop("epoch"), told.pop("phase")
        metrics |= {f"{phase}/{name}": value for name, value in told.items() if name not in ("seconds", "step")}
    return epoch, metrics
