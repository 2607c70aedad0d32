"""Runners that simulate."""

from dynplug.run.blown_up import has_nan as has_nan
from dynplug.run.compiling import Compiling as Compiling
from dynplug.run.data_axes import as_arrays as as_arrays, check_axis as check_axis, swap_batch as swap_batch
from dynplug.run.ds_runner import DSRunner as DSRunner
from dynplug.run.experiment import Experiment as Experiment
from dynplug.run.kept_programs import compilation_cache as compilation_cache
from dynplug.run.loop_over_time import LoopOverTime as LoopOverTime
from dynplug.run.monitors import Monitors as Monitors
from dynplug.run.options import jit_for as jit_for
from dynplug.run.records import Records as Records
from dynplug.run.spike_records import Spikes as Spikes
from dynplug.run.starting import (
    Start as Start,
    size_and_values as size_and_values,
    with_values as with_values,
)
