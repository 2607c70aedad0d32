"""Many trainings of one configuration with other values: `dynplug sweep`."""

from dynplug.sweep.importance import importance as importance
from dynplug.sweep.in_parallel import in_parallel as in_parallel
from dynplug.sweep.processes import Processes as Processes
from dynplug.sweep.results import SweepResult as SweepResult
from dynplug.sweep.serial import Serial as Serial
from dynplug.sweep.sweeping import sweep_config as sweep_config
from dynplug.sweep.trying import outcome_in as outcome_in, run_trial as run_trial, write_outcome as write_outcome
from dynplug.sweep.vectorised import Vmap as Vmap
