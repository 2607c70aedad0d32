"""Trainers, and what they need: data, history, checkpoints."""

import dynplug.train.checkpoint as checkpoint  # noqa: F401 - public
import dynplug.train.toolkit as toolkit  # noqa: F401 - public
from dynplug.train.bpff import BPFF as BPFF
from dynplug.train.bptt import BPTT as BPTT
from dynplug.train.data import as_lengths as as_lengths
from dynplug.train.diagnosing import diagnose as diagnose
from dynplug.train.early_stopping import EarlyStopping as EarlyStopping
from dynplug.train.fit import (
    STDOUT as STDOUT,
    BestEpoch as BestEpoch,
    History as History,
    Report as Report,
    Stream as Stream,
    Watched as Watched,
    report as report,
    restored as restored,
)
from dynplug.train.gradient_trainer import GradientTrainer as GradientTrainer
from dynplug.train.rate_finder import LearningRates as LearningRates, find_learning_rate as find_learning_rate
from dynplug.train.reportable import Reportable as Reportable, as_reportable as as_reportable
from dynplug.train.step import SPIKE_RATE as SPIKE_RATE, Precision as Precision, Run as Run
from dynplug.train.together import NotTogether as NotTogether, alike as alike, run_together as run_together
from dynplug.train.trainer import Trainer as Trainer
