"""Checks of synapses."""

import jax
import numpy as np
from jaxtyping import PyTree

from dynplug.core import Drive, leaves
from dynplug.testing.demands import close, demand
from dynplug.testing.stepping import STEPS, run, trial_of
from dynplug.testing.subject import Subject

_LONG = 50 * STEPS


def puts_out_a_drive(subject: Subject) -> None:
    """The output is a `Drive`, which any neuron can receive."""
    trial = trial_of(subject)
    _, (_, out) = run(trial.system, trial.x, trial.key)
    demand(isinstance(out, Drive), f"The output is a {type(out).__name__}, not a Drive.")


def rests_without_events(subject: Subject) -> None:
    """Without events the output does not change."""
    trial = trial_of(subject)
    _, (_, out) = run(trial.system, _events(trial.zero), trial.key)
    first = jax.tree.map(lambda a: np.broadcast_to(a[:1], a.shape), out)
    close(out, first, "outputs without events, and the first of them")


def answers_events(subject: Subject) -> None:
    """An event changes no output before its step, and some output in or after it."""
    trial = trial_of(subject)
    events = _events(trial.zero).copy()
    _, (_, silent) = run(trial.system, events, trial.key)
    events[STEPS] = 1.0
    _, (_, out) = run(trial.system, events, trial.key)
    for a, b in zip(leaves(out), leaves(silent), strict=True):
        demand(np.array_equal(a.value[:STEPS], b.value[:STEPS]), "An event changes outputs from before its step.")
    changed = any(np.any(a.value != b.value) for a, b in zip(leaves(out), leaves(silent), strict=True))
    demand(changed, f"An event of weight 1 changes no output in the {_LONG - STEPS} steps after it.")


def tells_weights_apart(subject: Subject) -> None:
    """Events of different weights have different effects, and an event at one unit has none on another."""
    trial = trial_of(subject)
    answers: list[PyTree] = []
    for weight in (1.0, 0.5):
        events = _events(trial.zero).copy()
        events.reshape(_LONG, -1)[STEPS, 0] = weight
        _, (_, out) = run(trial.system, events, trial.key)
        answers.append(out)
    moved = [np.any(np.asarray(a.value) != np.asarray(b.value)) for a, b in zip(*map(leaves, answers), strict=True)]
    demand(any(moved), "Events of weight 1 and of 0.5 get the same answer: the weight is not used.")
    for leaf in leaves(answers[0]):
        value = np.asarray(leaf.value).reshape(_LONG, -1)
        changes = np.any(value != value[:1], axis=0)
        demand(not np.any(changes[1:]), f"An event at unit 0 changes the {leaf.path} of other units.")


def sums_events_if_it_says_so(subject: Subject) -> None:
    """States and outputs of a sum of events are the sums of those of each, as `linear` says: projections then share."""
    trial = trial_of(subject)
    numbers = np.random.default_rng(16)
    one, other = (numbers.normal(size=(STEPS, *trial.zero.shape)).astype(trial.zero.dtype) for _ in range(2))
    alone, beside, together = (run(trial.system, xs, trial.key)[1] for xs in (one, other, one + other))
    both = jax.tree.map(lambda a, b: np.asarray(a) + np.asarray(b), alone, beside)
    close(together, both, "states and outputs of a sum of events, and the sums of those of each")


def _events(zero: np.ndarray) -> np.ndarray:
    return np.broadcast_to(zero, (_LONG, *zero.shape))
