"""What a configuration of a training is built into."""

from typing import Any

import jax

from dynplug.recipe.config import Config


def built(config: Config) -> tuple[Any, Any, Config]:
    """The task and the runner; and the configuration with the revisions that they have."""
    resolved = config.resolved()
    task, model, runner = resolved["task"], resolved["model"], resolved["runner"]
    takes_seed = "seed" in runner.accepted and "seed" not in runner.arguments
    seed = {"seed": config.values["seed"]} if takes_seed else {}
    for part, given in ((task, ()), (model, ()), (runner, ("target", *seed))):
        part.check(given)
    target = model.build(key=config.key_of("model"))
    seeded = task.build(key=jax.random.key(config.values["seed"]))
    return seeded, runner.build(given={"target": target, **seed}), config.pinned(resolved)
