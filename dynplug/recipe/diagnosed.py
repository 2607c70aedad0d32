"""The diagnosis of a configured training."""

from typing import Any

import numpy as np
from jax.typing import ArrayLike

from dynplug.diagnosis import Diagnosis
from dynplug.errors import ConfigError, nearest
from dynplug.recipe.built_parts import built
from dynplug.recipe.config import Config
from dynplug.train import as_reportable

_OPTIONS = ("checks", "samples", "overfit")


def diagnose_config(config: Config, **options: Any) -> Diagnosis:
    """The diagnosis of a configuration's model on its first batch, with its loss and optimizer; nothing is written.

    **Arguments:**

    - `config`: the configuration.
    - `options`: as for `BPTT.diagnose`; those that are `None` are what the section `diagnose` says.

    **Raises:** `ConfigError`, also for a trainer that cannot diagnose; and as `BPTT.diagnose`.
    """
    with config.blamed():
        task, runner, _ = built(config)
        if not hasattr(runner, "diagnose"):
            name = type(runner).__name__
            raise ConfigError(f"{name} follows no gradient, and has no method 'diagnose': BPTT has.", "runner.type")
    x, y = task.load(config.key_of("task")).train
    size = config.values["fit"].get("batch_size") or len(y)
    samples = as_reportable(runner).layout.samples
    batch = _first(x, size, samples(np.ndim(x))), _first(y, size, samples(np.ndim(y), target=True))
    asked = {**config.values.get("diagnose", {}), **{name: o for name, o in options.items() if o is not None}}
    with config.blamed():
        for name in asked:
            if name not in _OPTIONS:
                raise ConfigError(f"There is no option {name!r}. {nearest(name, _OPTIONS)}", f"diagnose.{name}")
    return runner.diagnose(batch, **asked)


def _first(data: ArrayLike, count: int, axis: int) -> np.ndarray:
    return np.asarray(data).take(range(min(count, np.shape(data)[axis])), axis)
