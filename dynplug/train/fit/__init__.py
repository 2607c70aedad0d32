"""Epochs on the host: the loop over batches, history, reports, tests and predictions."""

from dynplug.train.fit.best_epoch import BestEpoch as BestEpoch, restored as restored
from dynplug.train.fit.fitting import FitOptions as FitOptions, Fitting as Fitting
from dynplug.train.fit.history import History as History
from dynplug.train.fit.kept_best import asked_for as asked_for, keeping as keeping
from dynplug.train.fit.prediction import outputs as outputs
from dynplug.train.fit.progress import Progress as Progress
from dynplug.train.fit.reporting import STDOUT as STDOUT, Report as Report, Stream as Stream, report as report
from dynplug.train.fit.watched import Watched as Watched
