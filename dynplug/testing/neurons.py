"""Checks of neurons."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from dynplug.core import Drive, DynamicalSystem, Neuron, continuous, leaves
from dynplug.testing.demands import close, demand, finite
from dynplug.testing.driving import DURATION, SLOW, amplitude_of, constants, drive_of, traced
from dynplug.testing.stepping import DT, Key, quick_jit, run, start, started, step, trial_of
from dynplug.testing.subject import Skip, Subject

_LONG = 16  # how much longer the longer run is
_GROWTH = 8.0  # a random walk grows four times meanwhile, what grows in proportion sixteen times
_STRONG = 5.0
_RELAXED = 0.1  # what may be left of a displacement
_SETTLING = 65536  # steps after the drive
_POINTS = 257
_FINER = (0.5, 0.25, 0.125)


def spikes_are_binary(subject: Subject) -> None:
    """The state's `spike` is exactly 0 or 1, also in training: the surrogate affects the derivative only."""
    trial = trial_of(subject)
    _, (states, _) = run(trial.system, trial.x, trial.key)
    spike = np.asarray(states.spike)
    demand(np.all((spike == 0) | (spike == 1)), f"`spike` has values such as {spike[(spike != 0) & (spike != 1)][:3]}.")


def spikes_when_driven(subject: Subject) -> None:
    """Some constant current with noise makes every unit spike, fall silent, and spike again."""
    demand(
        amplitude_of(subject) is not None,
        f"No current from 0.001 to 10000 gives each unit a few spikes, with silence in between, in {SLOW * DT:g} ms: "
        "is there a threshold that is reached, and a reset?",
    )


def puts_out_its_spikes(subject: Subject) -> None:
    """The output is the spike in the state, in the same step."""
    states, out = _driven(subject)
    demand(
        np.shape(out) == np.shape(states.spike), f"The output is {np.shape(out)}, spikes are {np.shape(states.spike)}."
    )
    close(out, states.spike, "the output, and the state's spike", rtol=0.0)


def _driven(subject: Subject) -> tuple[PyTree, PyTree]:
    """States and outputs of a run that spikes."""
    return _run_of(subject)[1]


def _run_of(subject: Subject) -> tuple[PyTree, tuple[PyTree, PyTree]]:
    return subject.remember("driven", lambda: run(traced(subject), drive_of(subject), trial_of(subject).key))


def stays_bounded(subject: Subject) -> None:
    """Under noise many times stronger than it needs to spike, no state grows without bound."""
    short, long = (_greatest(subject, count) for count in (4 * DURATION, 4 * DURATION * _LONG))
    finite(long, "the greatest states under strong noise")
    for a, b in zip(leaves({"": long}), leaves({"": short}), strict=True):
        if np.issubdtype(np.asarray(a.value).dtype, np.floating):
            growth = float(np.max(a.value) / max(np.max(b.value), 1e-6))
            demand(
                growth <= _GROWTH,
                f"{a.path or 'the state'} is {growth:.0f} times as far from its start after {_LONG} times as long "
                "under strong noise: what brings it back?",
            )


@quick_jit
def _extremes(system: DynamicalSystem, key: Key, amplitude: Array, size: tuple[int, ...], count: int) -> PyTree:
    """The largest distance of each state from its start under noise of either sign, in a number of steps."""
    first = start(system, key)

    def one(i: Array, carry: tuple[PyTree, PyTree]) -> tuple[PyTree, PyTree]:
        state, greatest = carry
        noise = jax.random.normal(jax.random.fold_in(jax.random.key(7), i), size, amplitude.dtype)
        state, _ = step(system, state, amplitude * (0.3 + noise), i, key)
        far = jax.tree.map(lambda most, now, was: jnp.maximum(most, jnp.abs(now - was)), greatest, state, first)
        return state, far

    nothing = jax.tree.map(jnp.zeros_like, first)
    return jax.lax.fori_loop(0, count, one, (first, nothing))[1]


def _greatest(subject: Subject, count: int) -> PyTree:
    trial = trial_of(subject)
    amplitude = jnp.asarray(_STRONG * (amplitude_of(subject) or 1.0), trial.x.dtype)
    return _extremes(trial.system, trial.key, amplitude, np.shape(trial.zero), count)


@quick_jit
def _later(system: DynamicalSystem, key: Key, state: PyTree, zero: Array, count: int) -> PyTree:
    return jax.lax.fori_loop(0, count, lambda i, s: step(system, s, zero, i, key)[0], state)


def relaxes_after_a_drive(subject: Subject) -> None:
    """After a drive the state returns to where it would be without it, unless it is declared `persistent`."""
    trial = trial_of(subject)
    driven, _ = _run_of(subject)
    late = _later(trial.system, trial.key, driven, jnp.asarray(trial.zero), _SETTLING)
    rest, (alone, _) = run(trial.system, np.broadcast_to(trial.zero, (_SETTLING, *np.shape(trial.zero))), trial.key)
    rows = (leaves({"": tree}) for tree in (late, rest, driven, alone))
    for after, at_rest, was, trace in zip(*rows, strict=True):
        if not np.issubdtype(np.asarray(at_rest.value).dtype, np.floating):
            continue
        away, moved = (np.max(np.abs(a.value - at_rest.value)) for a in (after, was))
        wanders = np.max(np.ptp(np.asarray(trace.value)[_SETTLING // 2 :], axis=0))  # of its own accord
        demand(
            away <= _RELAXED * moved + 1e-3 * np.max(np.abs(at_rest.value)) + wanders + 1e-6,
            f"{after.path or 'the state'} is {away:.3g} from rest {_SETTLING * DT:g} ms after a drive that moved it "
            f"by {moved:.3g}: does its decay depend on it? A system that remembers for good says `persistent` "
            "in its spec's `capabilities`.",
        )


def has_no_singularity(subject: Subject) -> None:
    """A step and its derivative are finite at all potentials, without a 0/0 at any of them."""
    system, (states, _) = trial_of(subject).system, _driven(subject)
    if not hasattr(states, "V") or np.ndim(states.V) != 2:
        raise Skip("its state has no potential `V` of one number a unit")
    V = _potentials(subject, np.asarray(states.V))
    state = started(system, trial_of(subject).key)

    def moved(V: Array) -> PyTree:
        at = eqx.tree_at(lambda s: s.V, state, jnp.full_like(state.V, V))
        if isinstance(system, Neuron):
            return system.vector_field(jnp.zeros((), at.V.dtype), continuous(at), Drive(jnp.zeros_like(at.V)))
        return step(system, at, jnp.asarray(trial_of(subject).zero), 0, trial_of(subject).key)[0]

    value, slope = quick_jit(jax.vmap(lambda V: (moved(V), jax.jacfwd(moved)(V))))(jnp.asarray(V))
    for what, tree in (("the change of", value), ("the derivative by V of the change of", slope)):
        for leaf in leaves({"": tree}):
            bad = ~np.isfinite(np.asarray(leaf.value)).reshape(len(V), -1).all(axis=1)
            demand(not np.any(bad), f"{what} {leaf.path!r} is not finite at V = {V[bad][:3].tolist()} mV.")


def _potentials(subject: Subject, V: np.ndarray) -> np.ndarray:
    """Potentials over three times the range of a driven run: evenly spaced, at round numbers, and at the constants."""
    low, high = float(V.min()), float(V.max())
    low, high = low - (high - low) / 2, high + (high - low) / 2
    round_ones = np.arange(np.ceil(2 * low), np.floor(2 * high) + 1) / 2 if high - low < 1000 else np.zeros(0)
    own = np.array([v for v in map(float, constants(subject).values()) if low <= v <= high])
    return np.unique(np.concatenate([np.linspace(low, high, _POINTS), round_ones, own]).astype(V.dtype))
