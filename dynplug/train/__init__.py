"""Trainers, and what they need: data, history, checkpoints."""

import dynplug.train.checkpoint as checkpoint  # noqa: F401 - public
from dynplug.train.bpff import BPFF as BPFF
from dynplug.train.bptt import BPTT as BPTT
from dynplug.train.early_stopping import EarlyStopping as EarlyStopping
from dynplug.train.forward import Run as Run
from dynplug.train.history import History as History
from dynplug.train.reporting import STDOUT as STDOUT, Report as Report, Stream as Stream, report as report
from dynplug.train.trainer import Trainer as Trainer
