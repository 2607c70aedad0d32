"""Checks of neurons alone."""

import numpy as np

from dynplug.testing.compare import demand
from dynplug.testing.stepping import run, trial_of
from dynplug.testing.subject import Subject


def spikes_are_binary(subject: Subject) -> None:
    """The state's `spike` is exactly 0 or 1, in training too: the surrogate is in the derivative alone."""
    trial = trial_of(subject)
    _, (states, _) = run(trial.system, trial.x, trial.key)
    spike = np.asarray(states.spike)
    demand(np.all((spike == 0) | (spike == 1)), f"`spike` has values such as {spike[(spike != 0) & (spike != 1)][:3]}.")
