"""Checks of sources."""

import numpy as np

from dynplug.core import leaves
from dynplug.errors import DynplugError
from dynplug.testing.demands import demand
from dynplug.testing.stepping import DT, context, run, start, trial_of
from dynplug.testing.subject import Subject

_WINDOW = 20  # steps of DT
_WINDOWS = 8000
_APART = 0.25  # standard deviations: several standard errors if the source forgets within some ten windows


def takes_no_input(subject: Subject) -> None:
    """An input is refused with a named error, as it would be lost."""
    trial = trial_of(subject)
    state = start(trial.system, trial.key)
    try:
        trial.system.update(state, trial.zero, context(trial.system, 0, trial.key))
    except DynplugError:
        return
    demand(
        False, "It takes an input: a system that is driven is a layer; inherit `update` from dynplug.sources.Source."
    )


def integral_whatever_the_step(subject: Subject) -> None:
    """Halving the step leaves the mean and the spread of what comes in 1 ms unchanged: spikes, or charge."""
    for path, (one, other) in _integrals(subject).items():
        spread = other.std(axis=0).mean()
        for what, moment in (("mean", np.mean), ("standard deviation", np.std)):
            whole, half = (float(moment(a, axis=0).mean()) for a in (one, other))
            demand(
                abs(whole - half) <= _APART * spread + 1e-3 * abs(half) + 1e-6,
                f"What comes in {_WINDOW * DT:g} ms{path} has the {what} {whole:.3g} in steps of {DT} ms, {half:.3g} "
                f"in steps of {DT / 2} ms: is the probability of a spike that of dt, and noise divided by sqrt(dt)?",
            )


def _integrals(subject: Subject) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """By the path of an output, its integrals over windows in steps of both lengths, (windows, units)."""
    trial, found = trial_of(subject), dict[str, list[np.ndarray]]()
    for dt, steps in ((DT, _WINDOW), (DT / 2, 2 * _WINDOW)):
        xs = np.zeros((_WINDOWS * steps, *np.shape(trial.zero)), trial.x.dtype)
        _, (states, out) = run(trial.system, xs, trial.key, dt)
        each = 1.0 if getattr(states, "spike", None) is not None else dt
        for leaf in leaves({"": out}):
            rows = np.asarray(leaf.value, float).reshape(_WINDOWS, steps, -1)
            found.setdefault(leaf.path and f" at {leaf.path!r}", []).append(rows.sum(axis=1) * each)
    return {path: (one, other) for path, (one, other) in found.items()}
