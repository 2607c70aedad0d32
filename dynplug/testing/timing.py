"""Checks of the dependence on time: on the start of a run, and on the length of its steps."""

import re

import equinox as eqx
import jax
import numpy as np

from dynplug.core import Drive, DynamicalSystem, ODESystem, continuous, leaves
from dynplug.testing.demands import close, demand
from dynplug.testing.driving import DURATION, amplitude_of, drive_of, traced
from dynplug.testing.static import documented_entry
from dynplug.testing.stepping import DT, Trial, run, trial_of
from dynplug.testing.subject import Subject
from dynplug.testing.variants import arguments

_LATE = 1000
_RATE = 0.1  # by how much a spike count may change when steps are halved, as a share
_MEAN = 0.15  # the same of a mean over time, as a share of the variable's range
_ADVICE = "is something multiplied by dt that is not a rate, or a rate that is not?"
_ROUNDING = 1e-3  # of a mean, in single precision
_CHARGE = 0.02


def starts_at_any_time(subject: Subject) -> None:
    """A run that starts later gives the same outputs, unless the component is declared `clocked`."""
    system, xs, key = traced(subject), drive_of(subject), trial_of(subject).key
    early, late = (run(system, xs, key, first=first)[1][1] for first in (0, _LATE))
    close(
        late,
        early,
        f"outputs of a run that starts at step {_LATE}, and at 0 (what reads ctx.t says `clocked`)",
        rtol=1e-6,
    )


def spikes_whatever_the_step(subject: Subject) -> None:
    """Under a constant current, halving the step leaves the number of spikes and the mean states unchanged."""
    system = traced(subject)
    current = np.full_like(trial_of(subject).zero, (amplitude_of(subject) or 1.0))
    (one, counts), (other, finer) = (_mean_run(system, current, len(drive_of(subject)), dt) for dt in (DT, DT / 2))
    for a, b in zip(counts, finer, strict=True):
        demand(
            np.all(np.abs(a - b) <= 1.0 + _RATE * b),
            f"{a.ravel()[:3].tolist()} spikes in steps of {DT} ms, {b.ravel()[:3].tolist()} in steps of {DT / 2} ms: "
            f"{_ADVICE}",
        )
    for name in one:
        (mean, width), (fine, _) = one[name], other[name]
        demand(
            np.all(np.abs(mean - fine) <= _MEAN * width + _ROUNDING * np.abs(fine) + 1e-6),
            f"The mean of {name} is {mean.ravel()[:3].tolist()} in steps of {DT} ms, {fine.ravel()[:3].tolist()} in "
            f"steps of {DT / 2} ms: {_ADVICE}",
        )


def _mean_run(
    system: DynamicalSystem, current: np.ndarray, steps: int, dt: float
) -> tuple[dict[str, tuple[np.ndarray, np.ndarray]], list[np.ndarray]]:
    count = round(steps * DT / dt)
    _, (states, _) = run(system, np.broadcast_to(current, (count, *current.shape)), None, dt)
    spikes = [np.sum(np.asarray(states.spike), axis=0)] if getattr(states, "spike", None) is not None else []
    moving = continuous(states) if isinstance(system, ODESystem) else states
    values = {leaf.path: np.asarray(leaf.value) for leaf in leaves(moving)}
    floating = {n: v for n, v in values.items() if v.dtype.kind == "f" and n != "spike"}
    return {n: (v.mean(axis=0), np.ptp(v, axis=0)) for n, v in floating.items()}, spikes


def charge_whatever_the_step(subject: Subject) -> None:
    """Halving the step leaves the charge delivered by the same events unchanged."""
    trial = trial_of(subject)
    whole, half = (_charge(trial, dt) for dt in (DT, DT / 2))
    for a, b in zip(leaves(half), leaves(whole), strict=True):
        close(
            a.value, b.value, f"the charge of {a.path} with steps of half the length, and with whole ones", rtol=_CHARGE
        )


def _charge(trial: Trial, dt: float) -> Drive:
    count = round(2 * DURATION * DT / dt)
    events = np.zeros((count, *np.shape(trial.zero)), trial.x.dtype)
    for n, at in enumerate((1.0, 4.0, 12.0)):  # [ms]
        events[round(at / dt)] = 0.5 + 0.25 * n
    _, (_, out) = run(trial.system, events, trial.key, dt)
    held = Drive(out.current, out.conductance)
    rate, each = (jax.tree.map(lambda a: np.sum(np.asarray(a), axis=0), d) for d in (held, Drive(jump=out.jump)))
    return eqx.combine(jax.tree.map(lambda a: a * dt, rate), each)


def durations(subject: Subject) -> dict[str, float]:
    """The arguments that are documented in [ms], with their present values."""
    return {
        name: value
        for name, value in arguments(subject).items()
        if isinstance(value, float) and re.search(r"\[ms\]", documented_entry(subject, name))
    }


def milliseconds_are_milliseconds(subject: Subject) -> None:
    """Doubling the step halves the number of steps that a duration in ms lasts."""
    timed = durations(subject)
    system, xs, key = traced(subject), drive_of(subject), trial_of(subject).key
    longer = traced(subject, 0, **{name: 2.0 * value for name, value in timed.items()})
    _, (_, usual) = run(system, xs, key)
    _, (_, both) = run(longer, xs, key, 2 * DT)
    _, (_, steps) = run(system, xs, key, 2 * DT)
    close(both, usual, f"outputs where dt and {', '.join(timed)} are doubled, step by step, and where neither is")
    same = all(np.array_equal(a.value, b.value) for a, b in zip(leaves({"": steps}), leaves({"": usual}), strict=True))
    demand(not same, f"Steps of twice the length change nothing: {', '.join(timed)} [ms] seems to count steps, not ms.")
