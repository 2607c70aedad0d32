"""Runners that are wrong on purpose."""

import functools
from pathlib import Path

import jax
import numpy as np
import optax

import dynplug as dp
from dynplug.api import hookimpl


@functools.cache  # one object, so that all runners share one compiled program
def twice(optimizer):
    return optax.chain(optimizer, optax.scale(2.0))


class Trainer:
    """BPTT, passed on; the faulty trainers change one thing of it."""

    def __init__(self, target, *, dt, optimizer=None):
        self.dt, self.optimizer, self.calls = dt, optimizer or optax.adam(1e-2), 0
        self.begin(target)

    def begin(self, target, optimizer=None):
        options = {"dt": self.dt, "logger": None, "progress_bar": False}
        self.inner = dp.BPTT(target, "mse", optimizer or self.optimizer, **options)

    @property
    def target(self):
        return self.inner.target

    def fit(self, data, *, num_epoch):
        self.inner.fit(data, num_epoch=num_epoch)

    def predict(self, x):
        return self.inner.predict(x)

    def save_states(self, path):
        self.inner.save_states(path)

    def load_states(self, path):
        self.inner.load_states(path)


class LearnsNothing(Trainer):
    def fit(self, data, *, num_epoch):
        pass


class PredictsTimeFirst(Trainer):
    def predict(self, x):
        return np.swapaxes(super().predict(x), 0, 1)


class ForgetsBetweenFits(Trainer):
    def fit(self, data, *, num_epoch):
        if self.calls:
            self.begin(self.target)
        self.calls += 1
        super().fit(data, num_epoch=num_epoch)


class LoadsTheModelAlone(Trainer):
    def load_states(self, path):
        super().load_states(path)
        self.begin(self.target)


class DeletesItsModel(Trainer):
    def __init__(self, target, *, dt, optimizer=None):
        copied = jax.tree.map(lambda a: a.copy() if isinstance(a, jax.Array) else a, target)
        super().__init__(copied, dt=dt, optimizer=optimizer)
        self.given = target

    def fit(self, data, *, num_epoch):
        super().fit(data, num_epoch=num_epoch)
        for a in jax.tree.leaves(self.given):
            if isinstance(a, jax.Array):
                a.delete()


class StepsTwiceAsFar(Trainer):
    def begin(self, target, optimizer=None):
        super().begin(target, twice(self.optimizer))


class Simulator:
    def __init__(self, target, *, dt):
        self.loop = dp.LoopOverTime(target, dt=dt)

    def __call__(self, xs, state=None):
        return self.loop(xs, state)


class ForShortModels(Simulator):
    def __init__(self, target, *, dt):
        if len(target) > 3:
            raise dp.errors.CompositionError("three parts are enough")
        super().__init__(target, dt=dt)


class StartsAnew(Simulator):
    def __call__(self, xs, state=None):
        return self.loop(xs)


class ChangesTheRun:
    @hookimpl
    def dynplug_epoch_start(self, trainer):
        trainer.dt *= 2.0


class Misspells:
    @hookimpl
    def dynplug_after_epochs(self, trainer):
        pass


class Writes:
    @hookimpl
    def dynplug_after_epoch(self, epoch):
        Path("epoch.txt").write_text(str(epoch))


def fault(check, target, *also, **spec):
    return {"check": check, "kind": "runner", "target": target, "also": also, "spec": spec}


FAULTS = [
    fault("trains_every_neuron", LearnsNothing),
    fault("predicts_in_the_axes_of_the_data", PredictsTimeFirst),
    fault("continues_where_it_stopped", ForgetsBetweenFits),
    fault("resumes_from_a_file", LoadsTheModelAlone),
    fault("given_model_stays", DeletesItsModel),
    fault("first_step_is_bptt", StepsTwiceAsFar, capabilities=("bptt",)),
    fault("runs_every_neuron", ForShortModels),
    fault("continues_a_run", StartsAnew),
    {"check": "only_observes", "kind": "observer", "target": ChangesTheRun},
    {"check": "only_observes", "kind": "observer", "target": Misspells, "also": ("writes_in_one_process",)},
    {"check": "writes_in_one_process", "kind": "observer", "target": Writes},
]
