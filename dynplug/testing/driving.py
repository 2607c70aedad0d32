"""Driving systems with random input that is strong and long enough to elicit all of their behaviour."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from dynplug.core import POSITIVE, STEPWISE, DynamicalSystem, Parameter, leaves
from dynplug.testing.stepping import Key, quick_jit, run, size_of, steps, trial_of
from dynplug.testing.subject import UNITS, Subject

DURATION = 2000  # steps of DT
SLOW = 8 * DURATION
_LAYER_STEPS = 100  # a layer's are rarely longer than a delay, and its arrays are larger
_ENOUGH, _TOO_MANY = 3, 0.2  # spikes of each unit, at least; share of steps with one, at most
_AMPLITUDES = np.logspace(-3, 4, 43)
_EVENTS = 0.05  # probability of one in a step


def constants(subject: Subject) -> dict[str, Parameter]:
    """The numbers in a system's fields that are made by `param`, but for those that are counted in whole steps."""
    instance = subject.instance
    if not dataclasses.is_dataclass(instance):
        return {}
    named = {f.name: getattr(instance, f.name) for f in dataclasses.fields(instance) if POSITIVE in f.metadata}
    accepted = {f.name for f in dataclasses.fields(instance) if f.init and not f.metadata.get(STEPWISE)}
    return {n: v for n, v in named.items() if n in accepted and v is not None and np.ndim(v) == 0}


def traced(subject: Subject, seed: int = 0, **given: object) -> DynamicalSystem:
    """An instance whose constants are arrays, so that one program serves all their values and has their derivatives.

    All long runs are of it: over inputs of the drive's shape they are one program.
    """
    usual = constants(subject)
    arrays = {name: jnp.asarray(given.get(name, value), float) for name, value in usual.items()}
    return subject.make(seed, **(given | arrays))


def drive_of(subject: Subject) -> np.ndarray:
    """Inputs (time, units) of all strengths, up to one that makes a spiking neuron spike."""
    return subject.remember("drive", lambda: _drive(subject))


def _drive(subject: Subject) -> np.ndarray:
    trial = trial_of(subject)
    numbers, dtype = np.random.default_rng(2), trial.x.dtype
    size = size_of(trial.system, "in_size") or (UNITS,)
    if subject.kind == "source":
        return np.zeros((DURATION, *size), dtype)
    if subject.kind == "layer":
        return numbers.normal(size=(_LAYER_STEPS, *size)).astype(dtype)
    if subject.kind == "synapse":
        weights = 0.3 + numbers.random((DURATION, *size))
        return np.where(numbers.random(weights.shape) < _EVENTS, weights, 0.0).astype(dtype)
    amplitude, duration = _spiking(subject)
    return (numbers.random((duration, *size)) + 0.5).astype(dtype) * dtype.type(amplitude or 1.0)


def amplitude_of(subject: Subject) -> float | None:
    """The mean current under which each unit spikes a few times; `None` if there is none."""
    return _spiking(subject)[0]


def _spiking(subject: Subject) -> tuple[float | None, int]:
    """That current, and the number of steps it takes: some neurons are slow."""
    return subject.remember("spiking", lambda: _first_spiking(subject))


def _first_spiking(subject: Subject) -> tuple[float | None, int]:
    for duration in (DURATION, SLOW):
        amplitude = _amplitude(subject, duration)
        if amplitude is not None:
            return amplitude, duration
    return None, DURATION


def _amplitude(subject: Subject, duration: int) -> float | None:
    trial = trial_of(subject)
    x = np.broadcast_to(np.ones_like(trial.zero), (duration, *np.shape(trial.zero)))

    @quick_jit
    @eqx.filter_vmap(in_axes=(None, 0, None))
    def counted(system: DynamicalSystem, amplitude: Array, key: Key) -> tuple[list[Array], Array]:
        last, (states, _) = steps(system, x * amplitude, key)
        spikes = [jnp.sum(states.spike, axis=0)] if getattr(states, "spike", None) is not None else []
        fine = jnp.all(jnp.asarray([jnp.all(jnp.isfinite(a)) for a in jax.tree.leaves(last)]))
        return spikes, fine

    counts, fine = counted(trial.system, jnp.asarray(_AMPLITUDES, x.dtype), trial.key)
    if not counts:
        return 1.0
    each = np.concatenate([np.asarray(count).reshape(len(_AMPLITUDES), -1) for count in counts], axis=1)
    good = (each.min(axis=1) >= _ENOUGH) & (each.max(axis=1) <= _TOO_MANY * duration) & np.asarray(fine)
    found = np.flatnonzero(good)
    return float(_AMPLITUDES[found[0]]) if len(found) else None


def weigh(recorded: PyTree) -> Array:
    """A sum of all floating-point numbers of a record, each with its own weight, so that none cancels another."""
    total = jnp.zeros(())
    for n, leaf in enumerate(leaf for leaf in jax.tree.leaves(recorded) if jnp.issubdtype(leaf.dtype, jnp.floating)):
        weights = jnp.cos(1.0 + n + 0.7 * jnp.arange(leaf.size, dtype=leaf.dtype)).reshape(leaf.shape)
        total = total + jnp.mean(leaf * weights).astype(total.dtype)
    return total


@quick_jit
def _gradients(system: DynamicalSystem, xs: Array, key: Key) -> tuple[PyTree, Array]:
    arrays, static = eqx.partition(system, eqx.is_inexact_array)
    return jax.grad(lambda given: weigh(steps(eqx.combine(given[0], static), given[1], key)[1]))((arrays, xs))


def records(subject: Subject, system: DynamicalSystem) -> tuple[PyTree, np.ndarray]:
    """All states and outputs under a drive that is strong, then weak; and the trained arrays."""
    trained = np.asarray([leaf.trainable for leaf in leaves(system)])
    return run(system, _strong_and_weak(subject), trial_of(subject).key), trained


def gradients(subject: Subject, system: DynamicalSystem) -> tuple[PyTree, Array]:
    """The gradient of a weighted sum of these with respect to the system's arrays and the input."""
    return _gradients(system, _strong_and_weak(subject), trial_of(subject).key)


def _strong_and_weak(subject: Subject) -> Array:
    xs = drive_of(subject)
    half = len(xs) // 2
    return jnp.asarray(np.concatenate([xs[:half], 0.3 * xs[half:]]))
