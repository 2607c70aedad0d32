"""Checks of observers."""

import numpy as np

from dynplug.core import Sequential, leaves
from dynplug.layers import Dense
from dynplug.neurons import LeakyIntegrator
from dynplug.testing.compare import close
from dynplug.testing.subject import Subject
from dynplug.train import BPTT

_EPOCHS = 2


def only_observes(subject: Subject) -> None:
    """Training with a new observer gives the same model as training for as many epochs without it."""
    observer = subject.make()
    watched = _trained(_EPOCHS, [observer])
    alone = _trained(watched.epoch, [])
    found, wanted = ([leaf.value for leaf in leaves(trainer.target)] for trainer in (watched, alone))
    close(found, wanted, "parameters after a training with it and without", rtol=0.0)


def _trained(epochs: int, observers: list[object]) -> BPTT:
    numbers = np.random.default_rng(0)
    x, y = (numbers.normal(size=(4, 8, 2)).astype(np.float32) for _ in range(2))
    weight = numbers.normal(size=(2, 2)).astype(np.float32)
    model = Sequential(Dense(2, 2, W_initializer=weight), LeakyIntegrator(2))
    trainer = BPTT(model, "mse", dt=1.0, logger=None, progress_bar=False, observers=observers)
    trainer.fit((x, y), (x, y), num_epoch=epochs, batch_size=2)
    return trainer
