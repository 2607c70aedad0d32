"""Runners that simulate."""

from dynplug.run.ds_runner import DSRunner as DSRunner
from dynplug.run.loop_over_time import LoopOverTime as LoopOverTime
