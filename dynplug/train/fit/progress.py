"""The progress of a training, which a checkpoint holds: writing and reading it."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import PyTree

import dynplug.train.checkpoint as checkpoint
from dynplug.core import Loaded, check_values, definition, differences, leaves
from dynplug.errors import StateError
from dynplug.timeloop import RunState
from dynplug.train.fit.best_epoch import Best, BestEpoch
from dynplug.train.fit.epoch import Log
from dynplug.train.fit.history import History
from dynplug.train.step import Average, TrainState, joined, statistics_of


@dataclass
class Progress:
    """All that changes while a trainer trains.

    **Attributes:**

    - `train_state`: parameters and the optimizer's state.
    - `static`: the untrained part of the model.
    - `carry`: that of the time loop after the last batch, where it is kept.
    - `epoch`: the number of epochs done.
    - `batches`: the number of done batches of the next epoch; `log`, their metrics; and `checksum`, of their data,
        where it is taken.
    - `history`: the metrics of all epochs before it.
    - `began`: the epoch after which the present call of `fit` began; `None` outside of it.
    - `best`: the best epoch, where it is kept, and its parameters.
    """

    train_state: TrainState
    static: PyTree
    carry: RunState | None = None
    epoch: int = 0
    batches: int = 0
    log: Log = field(default_factory=Log)
    history: History = field(default_factory=History)
    began: int | None = None
    checksum: int | None = None
    best: Best | None = None

    @property
    def model(self) -> PyTree:
        """The model with its present parameters."""
        return eqx.combine(self.train_state.values, self.static)

    @property
    def averaged(self) -> PyTree:
        """The model with the mean of its parameters, if there is one, else as `model`."""
        return eqx.combine(self.train_state.tested, self.static)

    def __getstate__(self) -> dict[str, Any]:
        """All of it, with trees in `train_state` and not their structures, which are others once they were pickled."""
        state = self.train_state
        parts = {"learned": state.learned, "average": state.average}
        return {**vars(self), "train_state": {"params": state.params, "optimizer": state.optimizer, **parts}}

    def __setstate__(self, kept: dict[str, Any]) -> None:
        vars(self).update(kept, train_state=TrainState.of(**kept["train_state"]))

    def copy(self) -> "Progress":
        """The same place in a training, from which both may go on."""
        log = replace(
            self.log,
            sizes=[*self.log.sizes],
            values=[*self.log.values],
            weights=deepcopy(self.log.weights),
            counts=deepcopy(self.log.counts),
        )
        return replace(self, log=log, history=deepcopy(self.history))

    def replace_model(self, model: PyTree) -> None:
        """Take another model's arrays, which must be of the same structure, shapes and dtypes."""
        old, new = ({leaf.path: _form(leaf.value) for leaf in leaves(m)} for m in (self.model, model))
        if jax.tree.structure(self.model) != jax.tree.structure(model) or old != new:
            differ = [p for p in {**old, **new} if old.get(p) != new.get(p)]
            others = differences(definition(model), definition(self.model), {**old, **new})
            told = [*differ, *(f"{path} ({given}, not {here})" for path, given, here in others)]
            what = f"they differ at {', '.join(told)}" if told else "their fields that are no arrays differ"
            raise StateError(
                f"A model that is assigned to a trainer must be of its model's structure, but {what}. Make another "
                "trainer of it."
            )
        check_values(model)
        params, learned, self.static = self._partition(model)
        self.train_state = self.train_state.moved_to(params, learned)

    def end_with_best(self, restores: bool) -> None:
        """Write down whether the model in the end is that of the best epoch, if one is kept."""
        if self.best is not None:
            self.best = Best(self.best.of._replace(restores=restores), self.best.params)

    def go_back_to(self, values: PyTree) -> None:
        """Take parameters and statistics that were kept, from which the mean starts anew."""
        params, learned, _ = self._partition(eqx.combine(values, self.static))
        self.train_state = self.train_state.moved_to(params, learned)

    def write(self, path: str | Path, constants: Mapping[str, Any], seed: object, carry: RunState | None) -> None:
        """Write it all to a checkpoint, with the trainer's seed, and with what must be the same where it is read.

        `carry` is that of the time loop, which may have lain in several processes.
        """
        size = None if carry is None else jax.tree.leaves((carry.system, jnp.zeros(1)))[0].shape[0]
        description = {
            "epoch": self.epoch,
            "batches": self.batches,
            "log": self.log.to_json(),
            "history": self.history.to_json(),
            "began": self.began,
            "checksum": self.checksum,
            "best": None if self.best is None else self.best.of._asdict(),
            **({} if self.train_state.average is None else {"averaged": int(self.train_state.average.steps)}),
            "seed": seed,
            "batch_size": size,
        }
        checkpoint.write(path, self._trees(carry, self.best), description, constants)

    def read(
        self,
        path: str | Path,
        start: Callable[[Any, int], RunState],
        constants: Mapping[str, Any],
        seed: object,
        *,
        strict: bool,
        cast: bool,
    ) -> tuple["Progress", Any, Loaded]:
        """Read what `write` wrote: the progress, as far as it fits; its seed; and a report of what does not fit.

        **Arguments:**

        - `path`: the checkpoint.
        - `start`: the states at the start of a run, for a model and a batch size.
        - `constants`: values that must be the same.
        - `seed`: the trainer's own, which stays where the file's training does not go on.
        - `strict`, `cast`: as for `dynplug.load_states`.
        """
        told = checkpoint.describe(path)
        size, best = told.get("batch_size"), BestEpoch.of(told, path)
        carry = None if size is None else start(self.model, size)
        trees = self._trees(carry, None if best is None else Best(best, self.train_state.values))
        loaded, _ = checkpoint.read(path, trees, constants, strict=strict, cast=cast)
        params, learned, static = self._partition(loaded.tree["model"])
        others = checkpoint.arrays(trees).keys() & {one.path for one in loaded.differing}
        if loaded.missing or loaded.unexpected or others:  # another model, which begins with what was learned
            return replace(self, train_state=self.train_state.moved_to(params, learned), static=static), seed, loaded
        average = self.train_state.average
        if average is not None:
            average = Average.of(self._partition(loaded.tree["average"])[0], average.decay, told.get("averaged", 0))
        progress = Progress(
            TrainState.of(params, loaded.tree["optimizer"], learned=learned, average=average),
            static,
            loaded.tree.get("run"),
            told["epoch"],
            told.get("batches", 0),
            Log.from_json(told["log"]) if "log" in told else Log(),
            History.from_json(told["history"]),
            told.get("began"),
            told.get("checksum"),
            None if best is None else Best(best, self._values(loaded.tree["best"])),
        )
        return progress, told["seed"], loaded

    def _partition(self, model: PyTree) -> tuple[PyTree, PyTree, PyTree]:
        """A model's part that is trained, its statistics of batches, and the rest."""
        params = self.train_state.params
        trained = jax.tree.map(lambda leaf: leaf is not None, params, is_leaf=lambda leaf: leaf is None)
        params, rest = eqx.partition(model, trained)
        return params, *statistics_of(rest)

    def _values(self, model: PyTree) -> PyTree:
        """A model's part that is trained, with its statistics of batches."""
        return joined(*self._partition(model)[:2])

    def _trees(self, carry: RunState | None, best: Best | None) -> dict[str, PyTree]:
        trees = {"model": self.model, "optimizer": self.train_state.optimizer}
        if self.train_state.average is not None:
            trees["average"] = self.averaged
        if carry is not None:
            trees["run"] = carry  # as files have called it
        if best is not None:
            trees["best"] = eqx.combine(best.params, self.static)
        return trees


def _form(value: Any) -> Any:
    """The invariant of a model's leaf: shape and dtype of an array; the value of anything else."""
    return (jnp.shape(value), value.dtype) if eqx.is_array(value) else value
