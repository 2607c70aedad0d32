"""From a configuration to a trained model in a run folder."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax

from dynplug.errors import CheckpointError, ConfigError, nearest
from dynplug.plugin import build
from dynplug.plugin.build import parameters, read as read_component
from dynplug.tasks import TaskData
from dynplug.train.config import Config
from dynplug.train.report import write_report

CONFIG, METRICS, CHECKPOINT, PICTURE = "config.toml", "metrics.jsonl", "checkpoint.safetensors", "result.png"
_MODEL, _TASK = 0, 1  # streams of random numbers of one seed


class Training:
    """A configured training and its run folder.

    The folder holds the resolved configuration, a line of metrics per epoch and phase as JSON, a checkpoint of the
    last epoch, and, in the end, a report in HTML and its pictures.
    """

    def __init__(self, config: Config, folder: str | Path, *, resume: bool = False):
        self.config = config
        self.folder = Path(folder)
        key = jax.random.key(config.values["seed"])
        with config.blamed():
            task = build(config.values["task"], key=key, kind="task", path="task")
            model = build(config.values["model"], key=jax.random.fold_in(key, _MODEL), path="model")
            self.runner: Any = self._runner(model)
            self._check_fit()
        self.data: TaskData = task.load(jax.random.fold_in(key, _TASK))
        if resume:
            with config.blamed():
                self._load()
        else:
            self._claim_folder()
        (self.folder / CONFIG).write_text(config.dump(), encoding="utf-8")
        self._keep_metrics(self.runner.epoch)

    def run(self, say: Callable[[str], None]) -> None:
        """Train for the epochs that are still to do, and write the report."""
        fit = dict(self.config.values["fit"])
        fit["num_epoch"] = max(0, fit.get("num_epoch", 100) - self.runner.epoch)
        self.runner.fit(self.data.train, self.data.test, fun_after_report=self._after_report, **fit)
        title = " ".join(str(self.config.values[section].get("type", "")) for section in ("task", "model"))
        write_report(self.folder, title, self.config.dump(), self.runner, self.data.test[0], say)

    def _runner(self, model: Any) -> Any:
        values = self.config.values["runner"]
        component, _ = read_component(values, kind="runner", path="runner")
        seed = {"seed": self.config.values["seed"]} if "seed" in parameters(component.load()) else {}
        return build({**seed, **values}, kind="runner", path="runner", given={"target": model})

    def _after_report(self, epoch: int, metrics: dict[str, float], phase: str) -> None:
        with (self.folder / METRICS).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"epoch": epoch, "phase": phase, **metrics}) + "\n")
        if phase == "test":
            self.runner.save_states(self.folder / CHECKPOINT)

    def _load(self) -> None:
        wanted = getattr(self.runner, "seed", None)
        self.runner.load_states(self.folder / CHECKPOINT)
        started = getattr(self.runner, "seed", None)
        if started != wanted:
            raise ConfigError(f"This run was started with seed {started}; it cannot go on with {wanted}.", "seed")

    def _claim_folder(self) -> None:
        if (self.folder / CHECKPOINT).exists():
            raise CheckpointError(
                f"{self.folder} already holds a run: go on with --resume, or name another folder with --out."
            )
        self.folder.mkdir(parents=True, exist_ok=True)

    def _keep_metrics(self, epochs: int) -> None:
        """Drop the metrics of epochs that no checkpoint followed, and a line that was cut off."""
        path = self.folder / METRICS
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        kept = [line for line in lines if _epoch(line) <= epochs]
        path.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")

    def _check_fit(self) -> None:
        if not hasattr(self.runner, "fit"):
            raise ConfigError(f"{type(self.runner).__name__} does not train: it has no method 'fit'.", "runner.type")
        taken = {"train_data", "test_data", "fun_after_report"}
        accepted = {name: p for name, p in parameters(self.runner.fit).items() if name not in taken}
        if any(p.kind is p.VAR_KEYWORD for p in accepted.values()):
            return
        for name in self.config.values["fit"]:
            if name not in accepted:
                raise ConfigError(
                    f"{type(self.runner).__name__}.fit takes no {name!r}. {nearest(name, accepted)}", f"fit.{name}"
                )


def _epoch(line: str) -> float:
    try:
        return json.loads(line)["epoch"]
    except ValueError:
        return float("inf")
