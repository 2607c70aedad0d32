"""Trainers, and what they need: data, history, checkpoints."""

from dynplug.train.bptt import BPTT as BPTT
from dynplug.train.history import History as History
