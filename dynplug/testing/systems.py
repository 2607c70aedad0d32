"""Checks of all systems: neurons, synapses, layers and sources."""

import tempfile
from functools import partial
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from dynplug.core import Context, DynamicalSystem, leaves, load_states, save_states
from dynplug.errors import ShapeError
from dynplug.testing.demands import close, demand, finite
from dynplug.testing.driving import drive_of, traced, weigh
from dynplug.testing.stepping import (
    DT,
    STEPS,
    context,
    demand_form,
    fed,
    quick_jit,
    run,
    run_eagerly,
    size_of,
    start,
    started,
    step,
    steps,
    trial_of,
    twin_of,
    unproven_trial_of,
)
from dynplug.testing.subject import Subject

_BATCH, _EAGER, _DRAWS = 2, 3, 8
_SCALES, _INSTANCES = (1.0, 1e2, 1e4, 1e6), 24


def state_keeps_its_form(subject: Subject) -> None:
    """A step runs, and returns a state of the structure, shapes and dtypes that it was given."""
    demand_form(unproven_trial_of(subject))


def jit_equals_eager(subject: Subject) -> None:
    """A compiled run gives the same as the uncompiled steps."""
    trial = trial_of(subject)
    _, (states, outs) = run(trial.system, trial.x, trial.key)
    state, out = run_eagerly(trial.system, trial.x[:_EAGER], trial.key)
    close(jax.tree.map(lambda a: a[:_EAGER], outs), out, "outputs compiled and not")
    close(jax.tree.map(lambda a: a[_EAGER - 1], states), state, "states compiled and not")


def vmap_equals_loop(subject: Subject) -> None:
    """A batch gives the same as its samples one by one."""
    trial = trial_of(subject)
    xs = np.stack([trial.x * scale for scale in np.linspace(1.0, 0.5, _BATCH, dtype=trial.x.dtype)])
    keys = None if trial.key is None else jax.random.split(trial.key, _BATCH)
    _, (_, batch) = quick_jit(jax.vmap(lambda x, key: steps(trial.system, x, key)))(xs, keys)
    for n in range(_BATCH):
        _, (_, one) = run(trial.system, xs[n], None if keys is None else keys[n])
        close(jax.tree.map(lambda a, n=n: a[n], batch), one, f"sample {n} in a batch and alone")


def compiles_once(subject: Subject) -> None:
    """Further steps, other inputs and another instance of the same configuration need no recompilation."""
    trial, traces = trial_of(subject), 0

    @eqx.filter_jit
    def compiled(system: DynamicalSystem, state: PyTree, x: PyTree, ctx: Context) -> tuple[PyTree, PyTree]:
        nonlocal traces
        traces += 1
        return system.update(state, fed(system, x), ctx)

    state = started(trial.system, trial.key)
    after, _ = compiled(trial.system, state, jnp.asarray(trial.x[0]), context(trial.system, 0, trial.key))
    compiled(trial.system, state, jnp.asarray(trial.x[1]), context(trial.system, 1, trial.key))
    demand(traces == 1, "A second call with other numbers is compiled again: is there a static field that changes?")
    compiled(trial.system, after, jnp.asarray(trial.x[1]), context(trial.system, 1, trial.key))
    demand(traces == 1, f"The second step is compiled again: {_weak(state, after)}")
    compiled(twin_of(subject), state, jnp.asarray(trial.x[0]), context(trial.system, 0, trial.key))
    demand(
        traces == 1,
        "Another instance of the same configuration is compiled again: is there a lambda in a static field?",
    )


def _weak(before: PyTree, after: PyTree) -> str:
    weak = [
        b.path for b, a in zip(leaves(before), leaves(after), strict=True) if _is_weak(b.value) != _is_weak(a.value)
    ]
    if not weak:
        return "a static part of the state changes."
    return f"{weak} starts weakly typed, as JAX calls what is made of Python numbers: give the array ctx.dtype."


def _is_weak(value: object) -> bool:
    return bool(getattr(value, "weak_type", False))


def keeps_float32(subject: Subject) -> None:
    """In single precision all floating-point states and outputs are single."""
    with jax.enable_x64(False):
        _keeps(subject, np.float32)


def keeps_float64(subject: Subject) -> None:
    """In double precision (`jax_enable_x64`) all floating-point states and outputs are double."""
    with jax.enable_x64(True):
        _keeps(subject, np.float64)


def _keeps(subject: Subject, dtype: type[np.floating]) -> None:
    trial = trial_of(subject)
    system, x = subject.make(), np.asarray(trial.zero, dtype)
    first = eqx.filter_eval_shape(lambda: start(system, trial.key))
    state, out = eqx.filter_eval_shape(lambda: step(system, start(system, trial.key), x, 0, trial.key))
    for what, tree in (("first state", first), ("state", state), ("output", out)):
        for leaf in leaves({"": tree}):
            found = jnp.result_type(leaf.value)
            if jnp.issubdtype(found, jnp.inexact):
                where = f"{what} {leaf.path!r}" if leaf.path else what
                demand(found == dtype, f"The {where} is {found}, not {dtype.__name__}: use ctx.dtype.")


def round_trips(subject: Subject) -> None:
    """An instance rebuilt from its configuration, with its saved arrays restored, gives the same outputs."""
    trial = trial_of(subject)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "arrays.safetensors"
        save_states(path, trial.system)
        again = load_states(path, twin_of(subject)).tree
    _, (_, out) = run(trial.system, trial.x, trial.key)
    _, (_, restored) = run(again, trial.x, trial.key)
    close(restored, out, "outputs after saving and before", rtol=0.0)


def gradients_are_finite(subject: Subject) -> None:
    """The gradient of states and outputs with respect to parameters and inputs is finite."""
    trial = trial_of(subject)
    arrays, static = eqx.partition(trial.system, eqx.is_inexact_array)

    @quick_jit
    @eqx.filter_grad
    def gradient(given: tuple[PyTree, Array]) -> Array:
        arrays, xs = given
        _, recorded = steps(eqx.combine(arrays, static), xs, trial.key)
        floating = [a for a in jax.tree.leaves(recorded) if jnp.issubdtype(a.dtype, jnp.floating)]
        return sum((jnp.mean(a).astype(float) for a in floating), jnp.zeros(()))

    parameters, inputs = gradient((arrays, jnp.asarray(trial.x)))
    finite(parameters, "gradient with respect to parameters")
    finite(inputs, "gradient with respect to inputs")


def shapes_are_declared(subject: Subject) -> None:
    """Outputs have the declared `out_size`; the parts of a drive may also be one number for all."""
    trial = trial_of(subject)
    size = size_of(trial.system, "out_size")
    _, out = eqx.filter_eval_shape(lambda: step(trial.system, start(trial.system, trial.key), trial.zero, 0, trial.key))
    for leaf in leaves({"": out}):
        shape, one = np.shape(leaf.value), bool(leaf.path)
        demand(size is None or shape == size or (one and shape == ()), f"The output is {shape}, out_size is {size}.")


def wrong_inputs_are_refused(subject: Subject) -> None:
    """An input of another size than the declared `in_size` raises an error instead of being broadcast."""
    trial = trial_of(subject)
    size = size_of(trial.system, "in_size")
    assert size is not None
    for shape in ((*size[:-1], size[-1] + 1), (*size[:-1], 1), (2, *size), size[:-1]):
        if shape in (size, ()):  # one number for all units is a drive
            continue
        wrong = np.zeros(shape, trial.x.dtype)
        try:
            eqx.filter_eval_shape(lambda x=wrong: step(trial.system, start(trial.system, trial.key), x, 0, trial.key))
        except Exception:
            continue
        raise ShapeError(
            f"An input of shape {shape} is taken where {size} is declared: compare shapes, do not broadcast."
        )


def stays_finite(subject: Subject) -> None:
    """Without input, states and outputs stay finite for a long time."""
    trial = trial_of(subject)
    count = max(250 * STEPS, len(drive_of(subject)))
    xs = np.broadcast_to(np.asarray(trial.zero), (count, *np.shape(trial.zero)))
    state, (_, out) = run(traced(subject), xs, trial.key)
    finite((state, out), f"state and output in {count * DT:g} ms without input")


def answers_in_the_same_step(subject: Subject) -> None:
    """An input reaches the output of its own step, unless the component is declared `delayed`.

    In double precision, in which a surrogate's slope far from the threshold is not yet zero; without any, by inputs
    that are strong enough to make a spike in one step.
    """
    trial = trial_of(subject)
    with jax.enable_x64(True):
        system = subject.make()

        @quick_jit
        @partial(jax.value_and_grad, has_aux=True)
        def outputs(x: Array, i: Array) -> tuple[Array, PyTree]:
            _, out = step(system, start(system, trial.key), x, i, trial.key)
            return weigh(out), out

        x, answered = jnp.asarray(trial.x[0], float), False
        for i in range(_DRAWS if trial.stochastic else 1):  # one mask may drop all
            (_, none), _ = outputs(0.0 * x, jnp.asarray(i, jnp.int32))
            for scale in _SCALES:
                (_, one), slope = outputs(scale * x, jnp.asarray(i, jnp.int32))
                pairs = zip(leaves({"": one}), leaves({"": none}), strict=True)
                answered |= any(np.all(np.isfinite(a.value)) and np.any(a.value != b.value) for a, b in pairs)
                answered |= bool(np.any(np.asarray(slope)))
    demand(
        answered,
        "The first input changes nothing of the first output. Is it that of the state before the step? What "
        "answers later by intention says `delayed` in its spec's `capabilities`.",
    )


def every_output_moves(subject: Subject) -> None:
    """Under a random drive no output stays zero while others do not, for every random instance."""
    xs, still = drive_of(subject), dict[str, set[int]]()
    for seed in range(_INSTANCES):  # of few connections, some reach no output
        _, (_, out) = run(traced(subject, seed), xs, trial_of(subject).key)
        found = {leaf.path: _silent(np.asarray(leaf.value)) for leaf in leaves({"": out})}
        still = {path: silent & still.get(path, silent) for path, silent in found.items()}
        if not any(still.values()):
            return
    path, silent = next((path, silent) for path, silent in still.items() if silent)
    where = f" {path!r}" if path else ""
    demand(False, f"The output{where} is 0 in {len(xs)} steps of a random drive at {sorted(silent)[:3]}.")


def _silent(rows: np.ndarray) -> set[int]:
    zero = np.all(rows.reshape(len(rows), -1) == 0, axis=0)
    return set() if np.all(zero) else set(np.flatnonzero(zero).tolist())
