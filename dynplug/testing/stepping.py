"""Running a system step by step, without a runner, for the checks of systems."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, PRNGKeyArray, PyTree

from dynplug.core import Context, DynamicalSystem, leaves
from dynplug.errors import ConformanceError, KeyRequiredError
from dynplug.sources import Source
from dynplug.testing.subject import UNITS, Skip, Subject
from dynplug.timeloop import floating_dtype

T = TypeVar("T")
Key = PRNGKeyArray | None  # of what may be random

DT = 0.05  # [ms]; short enough for models of ion channels
STEPS = 8
_OF_A_SOURCE = 50 * STEPS  # which may spike rarely
_START = 2**32 - 1
_AMPLITUDES = (1.0, 10.0, 100.0, 1000.0)


def context(
    system: DynamicalSystem, i: ArrayLike = 0, key: Key = None, *, dt: float = DT, fit: bool | None = None
) -> Context:
    """The context of step `i`, in training but for systems that `settle` on a batch first; `key` is of the step."""
    fit = not hasattr(system, "settle") if fit is None else fit
    dtype = floating_dtype(system)
    return Context(dt=dt, t=jnp.asarray(i, dtype) * dt, i=i, key=key, fit=fit, dtype=dtype)


def start(system: DynamicalSystem, key: Key = None, *, dt: float = DT, first: ArrayLike = 0) -> PyTree:
    """The state before the first step, which has the number `first`."""
    return jax.tree.map(jnp.asarray, system.init_state(context(system, first, _key_of(key, _START), dt=dt)))


def quick_jit(function: Callable[..., T]) -> Callable[..., T]:
    """`filter_jit` for a program that runs only a few times, at half the compile time; for outermost calls only."""
    options: Any = {"compiler_options": {"xla_backend_optimization_level": 0}}
    return eqx.filter_jit(function, **options)


started = quick_jit(start)
"""The same, compiled."""


def step(
    system: DynamicalSystem, state: PyTree, x: PyTree, i: ArrayLike = 0, key: Key = None, *, dt: float = DT
) -> tuple[PyTree, PyTree]:
    """One step."""
    return system.update(state, fed(system, x), context(system, i, _key_of(key, i), dt=dt))


def fed(system: DynamicalSystem, x: PyTree) -> PyTree:
    """The input of a system in a step: a source is given none."""
    return None if isinstance(system, Source) else x


def _key_of(key: Key, i: ArrayLike) -> Key:
    return None if key is None else jax.random.fold_in(key, i)


def run_eagerly(system: DynamicalSystem, xs: PyTree, key: Key = None) -> tuple[PyTree, PyTree]:
    """All steps, uncompiled and slow: the last state, and the outputs of all steps."""
    state, outs = start(system, key), []
    for i, x in enumerate(xs):
        state, out = step(system, state, x, i, key)
        outs.append(out)
    return state, jax.tree.map(lambda *rows: jnp.stack(list(map(jnp.asarray, rows))), *outs)


def steps(
    system: DynamicalSystem, xs: PyTree, key: Key = None, dt: float = DT, state: PyTree = None, first: ArrayLike = 0
) -> tuple[PyTree, tuple[PyTree, PyTree]]:
    """All steps: the last state, and the states and outputs of all steps.

    If the first one has another number than 0, time is another, and random numbers are the same.
    """

    def one(carry: tuple[Array, PyTree], x: PyTree) -> tuple[tuple[Array, PyTree], tuple[PyTree, PyTree]]:
        i, state = carry
        ctx = context(system, i, _key_of(key, i - first), dt=dt)
        new, out = system.update(state, fed(system, x), ctx)
        return (i + 1, new), (new, out)

    state = start(system, key, dt=dt, first=first) if state is None else state
    (_, last), recorded = jax.lax.scan(one, (jnp.asarray(first, jnp.int32), state), xs)
    return last, recorded


_compiled = quick_jit(steps)


def run(
    system: DynamicalSystem, xs: PyTree, key: Key = None, dt: float = DT, state: PyTree = None, first: int = 0
) -> tuple[PyTree, tuple[PyTree, PyTree]]:
    """The same, compiled: one program for each form of a system and its inputs, whatever `first` is."""
    return _compiled(system, xs, key, dt, state, jnp.asarray(first, jnp.int32))


def run_anew(system: DynamicalSystem, xs: PyTree, key: Key = None) -> tuple[PyTree, tuple[PyTree, PyTree]]:
    """As `run`, but traced and compiled anew, so that Python code runs again."""
    return quick_jit(lambda xs, key: steps(system, xs, key))(xs, key)


def form(tree: PyTree) -> dict[str, str]:
    """The dtype and shape of each leaf, by path."""
    return {leaf.path: f"{jnp.result_type(leaf.value)}{list(jnp.shape(leaf.value))}" for leaf in leaves(tree)}


def size_of(system: DynamicalSystem, name: str) -> tuple[int, ...] | None:
    """A system's `in_size` or `out_size`, or else its `size`, as a tuple; `None` if it has none."""
    size = getattr(system, name, None)
    size = getattr(system, "size", None) if size is None else size
    return None if size is None else tuple(int(n) for n in np.atleast_1d(size))


@dataclass(frozen=True, eq=False)
class Trial:
    """A system to be stepped, and inputs for it."""

    system: DynamicalSystem
    kind: str
    double: bool

    @cached_property
    def x(self) -> np.ndarray:
        """The inputs of all steps, strong enough for a spiking neuron to spike, if such a strength can be found."""
        with jax.enable_x64(self.double):
            return self._inputs()

    def _inputs(self) -> np.ndarray:
        numbers = np.random.default_rng(1)
        count = _OF_A_SOURCE if self.kind == "source" else STEPS
        shape = (count, *(size_of(self.system, "in_size") or (UNITS,)))
        dtype = floating_dtype(self.system)
        if self.kind == "synapse":
            return (numbers.random(shape) < 0.4).astype(dtype)
        if self.kind != "neuron":
            return numbers.normal(size=shape).astype(dtype)
        x = (0.5 + numbers.random(shape)).astype(dtype)
        for amplitude in _AMPLITUDES:
            state, (_, out) = run(self.system, x * dtype.type(amplitude), self.key)
            spikes = any(np.any(np.asarray(spike) > 0) for spike in spikes_of(out, state))
            if spikes and all(np.all(np.isfinite(a)) for a in jax.tree.leaves((state, out))):
                return x * dtype.type(amplitude)
        return x

    @cached_property
    def stochastic(self) -> bool:
        """Whether it raises `KeyRequiredError` without a key."""
        try:
            eqx.filter_eval_shape(lambda: step(self.system, start(self.system), self.zero))
        except Exception as error:
            return isinstance(error, KeyRequiredError)
        return False

    @property
    def key(self) -> Key:
        """A key, if it needs one."""
        return jax.random.key(5) if self.stochastic else None

    @property
    def zero(self) -> np.ndarray:
        """An input of zeros."""
        shape = size_of(self.system, "in_size") or (UNITS,)
        return np.zeros(shape, floating_dtype(self.system))


def spikes_of(out: PyTree, state: PyTree) -> list[Array]:
    """The outputs in steps whose state has spikes."""
    return jax.tree.leaves(out) if getattr(state, "spike", None) is not None else []


def twin_of(subject: Subject) -> DynamicalSystem:
    """Another instance of the same configuration, drawn anew if its arrays keep their shapes."""
    drawn = subject.make(1)
    shapes = [[a.shape for a in jax.tree.leaves(one) if eqx.is_array(a)] for one in (drawn, subject.instance)]
    return drawn if shapes[0] == shapes[1] else subject.make()


def changed_form(trial: Trial) -> str:
    """The way in which a step changes the form of a state, in words; empty if it does not."""
    system, key = trial.system, trial.key
    before = eqx.filter_eval_shape(lambda: start(system, key))
    after, _ = eqx.filter_eval_shape(lambda: step(system, start(system, key), trial.zero, 0, key))
    if jax.tree.structure(before) != jax.tree.structure(after):
        was, now = form(before).keys(), form(after).keys()
        return f"fields come or go: {sorted(was ^ now)}" if was != now else "its static part changes"
    pairs = zip(form(before).items(), form(after).values(), strict=True)
    return "; ".join(f"{path or 'it'} goes from {was} to {now}" for (path, was), now in pairs if was != now)


def trial_of(subject: Subject) -> Trial:
    """The component's minimal instance, ready to run, shared by all checks.

    **Raises:** `Skip` where it cannot be run, which the check `state_keeps_its_form` reports.
    """
    trial = unproven_trial_of(subject)
    if not subject.remember("runs", lambda: _runs(trial)):
        raise Skip("it cannot be run: see the check 'state_keeps_its_form'")
    return trial


def _runs(trial: Trial) -> bool:
    try:
        return not changed_form(trial)
    except Exception:
        return False


def unproven_trial_of(subject: Subject) -> Trial:
    """The same, whether or not it can run."""
    return subject.remember("trial", lambda: Trial(subject.instance, subject.kind, subject.double))


def demand_form(trial: Trial) -> None:
    """Raise if a step fails or changes the form of the state."""
    if change := changed_form(trial):
        raise ConformanceError(f"A step must return a state of the form it was given, but {change}.")
