"""One optimizer step: what is trained, the objective, the gradient, compiled."""

from dynplug.train.step.average import Average as Average, as_average as as_average, as_decay as as_decay
from dynplug.train.step.bounds import Bounds as Bounds
from dynplug.train.step.compiled_step import (
    CompiledStep as CompiledStep,
    StepProgram as StepProgram,
    evaluate as evaluate,
    folded as folded,
    train as train,
    with_parts as with_parts,
)
from dynplug.train.step.device_mesh import DeviceMesh as DeviceMesh, as_device_mesh as as_device_mesh
from dynplug.train.step.forward import Forward as Forward, Run as Run
from dynplug.train.step.frozen_tree import ARRAY as ARRAY, FrozenTree as FrozenTree
from dynplug.train.step.gradient_transformation import Optimizer as Optimizer
from dynplug.train.step.objective import (
    ALL as ALL,
    Counting as Counting,
    Logged as Logged,
    Measure as Measure,
    Objective as Objective,
    measures_of as measures_of,
)
from dynplug.train.step.optimizer import (
    accumulate as accumulate,
    as_optimizer as as_optimizer,
    clip_by_global_norm as clip_by_global_norm,
    started as started,
)
from dynplug.train.step.placement import (
    Placement as Placement,
    as_placement as as_placement,
    check_on_one as check_on_one,
)
from dynplug.train.step.precision import Precision as Precision, as_precision as as_precision
from dynplug.train.step.statistics import (
    learns_from_states as learns_from_states,
    statistics_of as statistics_of,
)
from dynplug.train.step.step_parts import StepParts as StepParts
from dynplug.train.step.tracking import SPIKE_RATE as SPIKE_RATE, Tracking as Tracking
from dynplug.train.step.train_step import (
    Stepped as Stepped,
    TrainState as TrainState,
    checked as checked,
    joined as joined,
    train_step as train_step,
)
from dynplug.train.step.trainable import partition as partition, warn_of_twins as warn_of_twins
