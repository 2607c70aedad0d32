"""One optimizer step: what is trained, the objective, the gradient, compiled."""

from dynplug.train.step.average import Average as Average, as_decay as as_decay
from dynplug.train.step.bounds import Bounds as Bounds
from dynplug.train.step.compiled_step import CompiledStep as CompiledStep, folded as folded
from dynplug.train.step.forward import Forward as Forward, Run as Run
from dynplug.train.step.objective import Measure as Measure, Objective as Objective, measures_of as measures_of
from dynplug.train.step.optimizer import (
    accumulate as accumulate,
    as_optimizer as as_optimizer,
    clip_by_global_norm as clip_by_global_norm,
    started as started,
)
from dynplug.train.step.tracking import Tracking as Tracking
from dynplug.train.step.train_step import Stepped as Stepped, TrainState as TrainState, checked as checked
from dynplug.train.step.trainable import partition as partition, warn_of_twins as warn_of_twins
