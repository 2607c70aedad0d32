"""A small training in a run folder that kills its own process at a point, or goes on with one that was killed.

    python killed_training.py FOLDER [POINT [FILE [FOLDER ...]]]

Points are counted: steps of training, halves of writes, syncs, renames, lines of metrics. Without POINT it runs to its
end and prints their number. With FILE it kills itself at the first point from POINT on at which the folder has no such
file. Trainings in other folders follow. Where there are several devices it is on all of them. It must not leave
anything undone but by SIGKILL, which no process can answer.
"""

import os
import signal
import sys
from pathlib import Path

import jax
import numpy as np

import dynplug as dp
from dynplug.recipe import training as recipe
from dynplug.recipe.config import Config
from dynplug.train.step.compiled_step import CompiledStep

CONFIG = """\
seed = 7

[task]
type = "toy"

[model]
type = "Sequential"
encode = { type = "Dense", in_size = 3, out_size = 6 }
hidden = { type = "LIF", size = 6, tau = 4.0 }
dropout = { type = "Dropout", p = 0.2 }
readout = { type = "Dense", in_size = 6, out_size = 2 }

[runner]
type = "BPTT"
dt = 1.0
loss_fun = "cross_entropy"
metrics = ["accuracy"]
progress_bar = false
truncate = 3
trainable = { "hidden.tau" = true }

[runner.optimizer]
type = "accumulate"
steps = 2

[runner.optimizer.optimizer]
type = "adam"
learning_rate = { type = "cosine_decay_schedule", init_value = 0.05, decay_steps = 40 }

[[runner.observers]]
type = "EarlyStopping"
restore_best = true

[fit]
num_epoch = 4
batch_size = 8
checkpoint_every = 2
num_report = 4
keep_best = "test/loss"
"""


@dp.register("task", "toy")
class Toy(dp.tasks.Task):
    """Sequences of two classes."""

    def load(self, key):
        rng = np.random.default_rng(3)
        x, y = rng.random((36, 6, 3)).astype(np.float32), rng.integers(0, 2, 36)
        return dp.tasks.TaskData((x[:30], y[:30]), (x[30:], y[30:]))

    @classmethod
    def recipe(cls):
        return CONFIG


class Points:
    """Counts the points at which the process may be killed, and kills it at one of them."""

    def __init__(self, last, absent):
        self.count, self.last, self.absent = 0, last, absent

    def __call__(self):
        self.count += 1
        if 0 < self.last <= self.count and not (self.absent and self.absent.exists()):
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, owner, name):
        real = getattr(owner, name)

        def function(*args, **kwargs):
            self()
            result = real(*args, **kwargs)
            self()
            return result

        setattr(owner, name, function)


class Halves:
    """A file that is written in two halves."""

    def __init__(self, file, point):
        self._file, self._point = file, point

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._file.close()

    def __getattr__(self, name):
        return getattr(self._file, name)

    def write(self, data):
        self._file.write(data[: len(data) // 2])
        self._file.flush()
        self._point()
        self._file.write(data[len(data) // 2 :])


def main(folder, last="0", absent="", *also):
    point, real = Points(int(last), absent and Path(folder) / absent), Path.open
    Path.open = lambda path, mode="r", *args, **kwargs: (
        Halves(real(path, mode, *args, **kwargs), point)
        if mode[0] in "wa" and path.parent == Path(folder)
        else real(path, mode, *args, **kwargs)
    )
    for owner, name in ((os, "replace"), (os, "fsync"), (CompiledStep, "train"), (recipe.RunFolder, "add")):
        point.around(owner, name)
    recipe.write_report = lambda *args: None
    print("ready", flush=True)
    config = Config.parse(CONFIG, "toy")
    if jax.device_count() > 1:
        config = config.with_overrides(['runner.devices="all"'])
    for one in (folder, *also):
        recipe.Training(config, one, resume=(Path(one) / recipe.CONFIG).exists()).run(print)
    print(f"points {point.count}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
