"""The parts of `dynplug train` and `dynplug diagnose`: configuration, run folder, report."""

from dynplug.recipe.comparing import compare_runs as compare_runs
from dynplug.recipe.config import Config as Config
from dynplug.recipe.diagnosed import diagnose_config as diagnose_config
from dynplug.recipe.finished import LoadedRun as LoadedRun, load_run as load_run
from dynplug.recipe.lock import lock as lock
from dynplug.recipe.own_code import import_files as import_files
from dynplug.recipe.predicting import predict_file as predict_file
from dynplug.recipe.report import PICTURES as PICTURES, REPORT as REPORT
from dynplug.recipe.toml_values import by_path as by_path
from dynplug.recipe.trained import Result as Result, train_config as train_config
from dynplug.recipe.training import (
    CHECKPOINT as CHECKPOINT,
    CONFIG as CONFIG,
    METRICS as METRICS,
    Training as Training,
    options_of_fit as options_of_fit,
)
