"""Searching for hyperparameters: spaces, trials, and the contracts of samplers and launchers."""

from dynplug.search.distributions import (
    FORMS as FORMS,
    Choice as Choice,
    Distribution as Distribution,
    Int as Int,
    Uniform as Uniform,
)
from dynplug.search.grid_search import Grid as Grid
from dynplug.search.launcher import Launcher as Launcher
from dynplug.search.random_search import Random as Random
from dynplug.search.sampler import Sampler as Sampler, Search as Search
from dynplug.search.space import Space as Space
from dynplug.search.trial import Outcome as Outcome, Trial as Trial
