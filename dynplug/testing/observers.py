"""Checks of observers."""

import tempfile
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path

import numpy as np

from dynplug.core import Sequential, leaves
from dynplug.layers import Dense
from dynplug.neurons import LeakyIntegrator
from dynplug.plugin import observers as hooks_of
from dynplug.testing.demands import close, demand
from dynplug.testing.subject import Subject
from dynplug.train import BPTT

_EPOCHS = 2


def only_observes(subject: Subject) -> None:
    """Training with a new observer gives the same model as training for as many epochs without it."""
    with _folder():
        watched = _trained(_EPOCHS, [subject.make()])
    alone = _trained(watched.epoch, [])
    found, wanted = ([leaf.value for leaf in leaves(trainer.target)] for trainer in (watched, alone))
    close(found, wanted, "parameters after a training with it and without", rtol=0.0)


def writes_in_one_process(subject: Subject) -> None:
    """Told by a trainer that does not write, as another process does, it leaves no file in the working folder."""
    trainer = _trained(1, [])
    elsewhere, metrics = _Elsewhere(trainer), {phase: trainer.history.last(phase) for phase in ("fit", "test")}
    with _folder() as folder:
        hooks = hooks_of([subject.make()])
        hooks.dynplug_keep_best(trainer=elsewhere)
        hooks.dynplug_run_start(trainer=elsewhere, last=1)
        hooks.dynplug_epoch_start(trainer=elsewhere, epoch=1)
        hooks.dynplug_after_step(trainer=elsewhere, epoch=1, step=1, metrics=metrics["fit"])
        hooks.dynplug_after_epoch(trainer=elsewhere, epoch=1, metrics=metrics)
        hooks.dynplug_checkpoint_saved(trainer=elsewhere, path="checkpoint.safetensors")
        hooks.dynplug_should_stop(trainer=elsewhere, epoch=1, metrics=metrics)
        hooks.dynplug_run_end(trainer=elsewhere)
        written = sorted(path.name for path in folder.iterdir())
    demand(not written, f"It writes {', '.join(written)} although trainer.writes is false.")


@contextmanager
def _folder() -> Iterator[Path]:
    """An empty working folder, removed afterwards: what an observer writes is not for the user's."""
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        yield Path(folder)


class _Elsewhere:
    """A trainer as it is while it trains in a process that does not write."""

    writes, began = False, 0

    def __init__(self, trainer: BPTT):
        self._trainer = trainer

    def __getattr__(self, name: str) -> object:
        return getattr(self._trainer, name)


def _trained(epochs: int, observers: list[object]) -> BPTT:
    numbers = np.random.default_rng(0)
    x, y = (numbers.normal(size=(4, 8, 2)).astype(np.float32) for _ in range(2))
    weight = numbers.normal(size=(2, 2)).astype(np.float32)
    model = Sequential(Dense(2, 2, W_initializer=weight), LeakyIntegrator(2))
    trainer = BPTT(model, "mse", dt=1.0, logger=None, progress_bar=False, observers=observers)
    trainer.fit((x, y), (x, y), num_epoch=epochs, batch_size=2)
    return trainer
