"""What `dynplug train` and `dynplug diagnose` are made of: configuration, run folder, report."""

from dynplug.recipe.config import Config as Config
from dynplug.recipe.diagnosed import diagnose_config as diagnose_config
from dynplug.recipe.finished import LoadedRun as LoadedRun, load_run as load_run
from dynplug.recipe.html_report import PICTURES as PICTURES, REPORT as REPORT
from dynplug.recipe.training import CHECKPOINT as CHECKPOINT, CONFIG as CONFIG, METRICS as METRICS, Training as Training
