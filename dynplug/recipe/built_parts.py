"""Building the task and the runner of a training from its configuration."""

from collections.abc import Sequence
from typing import Any

import jax

from dynplug.errors import ConfigError
from dynplug.plugin import Configured
from dynplug.recipe.config import Config
from dynplug.tasks import Task


def built(config: Config, observers: Sequence[object] = ()) -> tuple[Task, Any, Config]:
    """The task and the runner; and the configuration with the revisions that they have.

    **Arguments:**

    - `config`: the configuration.
    - `observers`: of the runner, beside those that are configured.
    """
    resolved = config.resolved()
    task, model, runner = resolved["task"], resolved["model"], resolved["runner"]
    takes_seed = "seed" in runner.accepted and "seed" not in runner.arguments
    seed = {"seed": config.values["seed"]} if takes_seed else {}
    for part, given in ((task, ()), (model, ()), (runner, ("target", *seed))):
        part.check(given)
    target = model.build(key=config.key_of("model"))
    seeded = task.build(key=jax.random.key(config.values["seed"]))
    given = {"target": target, **seed, **_watched_by(runner, observers)}
    return seeded, runner.build(given=given), config.pinned(resolved)


def _watched_by(runner: Configured, observers: Sequence[object]) -> dict[str, list[object]]:
    """The observers of the run as an argument of the runner, where there are others than those configured."""
    if not observers:
        return {}
    if "observers" not in runner.accepted:
        raise ConfigError(f"{runner.component.spec.name} takes no observers.", "runner.type")
    configured = runner.build_argument("observers") if "observers" in runner.arguments else ()
    return {"observers": [*configured, *observers]}
