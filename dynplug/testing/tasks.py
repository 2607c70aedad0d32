"""Checks of tasks."""

import tomllib
from collections.abc import Mapping

import jax
import numpy as np
from jaxtyping import PyTree

from dynplug.plugin import build, get, parameters, registry
from dynplug.tasks import TaskData
from dynplug.testing.demands import demand, finite
from dynplug.testing.stepping import size_of
from dynplug.testing.subject import Skip, Subject


def recipe_builds(subject: Subject) -> None:
    """The recipe is valid TOML and names the task; its model and runner can be built."""
    recipe = tomllib.loads(subject.target.recipe())
    for part in ("task", "model", "runner"):
        demand(part in recipe, f"The recipe has no [{part}]; it has {sorted(recipe)}.")
    if subject.registered:
        named = registry().find("task", recipe["task"]["type"])
        demand(named.id == subject.component.id, f"The recipe's task is {named.id}, not {subject.component.id}.")
    model = build(recipe["model"], key=jax.random.key(0), path="model")
    build({**recipe["runner"], **_quiet(recipe["runner"])}, kind="runner", path="runner", given={"target": model})


def _quiet(runner: Mapping[str, object]) -> dict[str, bool | None]:
    accepted = parameters(get("runner", str(runner["type"])))
    return {name: value for name, value in (("logger", None), ("progress_bar", False)) if name in accepted}


def data_fit_the_recipe(subject: Subject) -> None:
    """Data are (samples, time, ...), with one target per sample, and the recipe's model accepts them."""
    data = _load(subject)
    recipe = tomllib.loads(subject.target.recipe())
    size = size_of(build(recipe["model"], key=jax.random.key(0), path="model"), "in_size")
    for phase, (x, y) in zip(("training", "test"), data, strict=True):
        for array in jax.tree.leaves(x):
            demand(array.ndim >= 2, f"x of the {phase} data is {array.shape}: (samples, time, ...) is expected.")
            demand(size is None or array.shape[2:] == size, f"x is {array.shape} and the recipe's model takes {size}.")
        counts = {len(array) for array in jax.tree.leaves((x, y))}
        demand(len(counts) == 1 and counts != {0}, f"The {phase} data have {sorted(counts)} samples in x and y.")


def same_key_same_data(subject: Subject) -> None:
    """The same key gives the same data."""
    first = _load(subject)
    again = subject.make().load(jax.random.key(0))
    for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(again), strict=True):
        demand(np.array_equal(np.asarray(a), np.asarray(b)), "Loading twice with one key gives different data.")


def test_is_not_training(subject: Subject) -> None:
    """No test sample is among the training data."""
    (x, _), (seen, _) = _load(subject)[1], _load(subject)[0]
    count = len(jax.tree.leaves(seen)[0])
    known = {_bytes(seen, n) for n in range(count)}
    if len(known) < count:
        raise Skip("the training data repeat some samples themselves: there are only so many patterns")
    again = [n for n in range(len(jax.tree.leaves(x)[0])) if _bytes(x, n) in known]
    demand(
        not again, f"{len(again)} samples of the test data are training data too, the first of them number {again[:1]}."
    )


def _bytes(x: PyTree, n: int) -> bytes:
    return b"".join(np.asarray(array[n]).tobytes() for array in jax.tree.leaves(x))


def targets_differ(subject: Subject) -> None:
    """Targets vary in both phases, and data are finite."""
    for phase, (x, y) in zip(("training", "test"), _load(subject), strict=True):
        finite((x, y), f"the {phase} data")
        for array in jax.tree.leaves(y):
            rows = np.asarray(array).reshape(len(array), -1)
            demand(
                np.any(rows != rows[:1]) or np.any(rows != rows[:, :1]),
                f"All targets of the {phase} data are the same.",
            )


def _load(subject: Subject) -> TaskData:
    return subject.remember("data", lambda: subject.instance.load(jax.random.key(0)))
