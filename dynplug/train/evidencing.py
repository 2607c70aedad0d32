"""The evidence for diagnostics: runs of a trainer's model on a batch."""

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from time import perf_counter
from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import PRNGKeyArray, PyTree

from dynplug.core import as_whole, leaves, to_jax
from dynplug.diagnosis import Backward, Diagnosis, Evidence, Need, PassResults, Probe, diagnostics, examine
from dynplug.errors import DiagnosisError, DynplugError, KeyRequiredError, NonFiniteError, OptionError
from dynplug.plugin import in_words
from dynplug.run import Experiment
from dynplug.train.data import Pair
from dynplug.train.step import Forward, Objective, StepProgram, TrainState


class Trained(NamedTuple):
    """The parts of a trainer that a diagnosis examines.

    **Attributes:**

    - `forward`, `objective`, `static`: as for a training step.
    - `state`: parameters and the optimizer's state.
    - `step`: the compiled training step.
    - `key`: of the batch.
    - `overfit`: trains a copy on a batch for a number of steps; the losses before each.
    - `check`: raises `DataError` for a batch that the loss cannot take.
    """

    forward: Forward
    objective: Objective
    static: Any
    state: TrainState
    step: StepProgram
    key: PRNGKeyArray
    overfit: Callable[[Any, int], np.ndarray]
    check: Callable[[Pair], None]


def diagnosed(
    trained: Trained, data: object, checks: Sequence[Any] | None, samples: int | None, overfit: int | None
) -> Diagnosis:
    """The diagnosis of a model on a batch. **Arguments and Raises:** as for `GradientTrainer.diagnose`."""
    began = perf_counter()
    if not trained.objective.auto_run:
        raise OptionError(
            "With loss_auto_run=False the loss runs the model, and no state is seen: diagnose it with a loss_fun of "
            "predictions and targets."
        )
    chosen = diagnostics(checks)
    layout = trained.forward.layout
    batch = Pair(data, layout, "batch")
    count = batch.samples if samples is None else min(batch.samples, as_whole("samples", samples))
    steps = None if overfit is None else as_whole("overfit", overfit)
    whole, few = (batch.rows(np.arange(n)) for n in (batch.samples, count))
    evidence = _evidence(trained, whole, few, steps)
    trained.check(batch)  # whose targets are else seen as a loss that is not finite
    rows = examine(evidence, chosen)
    xs = jax.tree.leaves(evidence.inputs)[0]
    subject = (
        f"{type(evidence.model).__name__}: {len(xs)} steps of {evidence.dt:g} ms, {count} of {batch.samples} samples"
    )
    return Diagnosis(tuple(rows), subject, perf_counter() - began)


def _evidence(trained: Trained, whole: PyTree, few: PyTree, steps: int | None) -> Evidence:
    forward, params = trained.forward, trained.state.params
    model = eqx.combine(params, trained.static)
    xs = jax.tree.map(_fixed, forward.layout.enter(few.x))
    length = len(jax.tree.leaves(xs)[0])
    run = _Compiled(trained, params, xs, few.y)
    told = run(params, xs)
    backward = Backward(float(told.loss), told.gradients, told.steps, told.outputs)
    floating = any(a.dtype.kind == "f" for a in jax.tree.leaves(xs))
    return Evidence(
        model=model,
        dt=forward.loop.dt,
        duration=length * forward.loop.dt,
        activity=told.activity,
        inputs=xs,
        timeless=forward.layout.least_rank == 1,
        backward=backward,
        need=cache(partial(_need, trained, whole)),
        again=lambda others: run(params, others).outputs,
        redone=lambda changed: run(_with(params, changed), xs).activity,
        rescaled=(lambda scale: run(params, _scaled(xs, scale)).activity) if floating else None,
        deterministic=_draws_nothing(forward, model, xs),
        overfitted=None if steps is None else trained.overfit((whole.x, whole.y), steps),
    )


class _Compiled:
    """The one forward and backward pass, compiled for a batch."""

    def __init__(self, trained: Trained, params: PyTree, xs: PyTree, y: PyTree):
        forward, objective = trained.forward, trained.objective

        def loss(recorded: PyTree, y: PyTree) -> Any:
            value = objective.loss(*_of(forward, recorded, y))
            return value[0] if objective.has_aux else value

        probe = Probe(
            forward.loop,
            lambda params: eqx.combine(params, trained.static),
            lambda model: Experiment(model, monitors=forward.monitors),
            lambda xs: (xs, ()),
            loss,
            lambda model, xs, key: forward.settled(model, forward.layout.leave(xs), key),
        )
        self._y, self._key = jax.tree.map(np.asarray, y), trained.key
        try:
            self._run = jax.jit(lambda *given: probe(*given)).lower(params, xs, self._y, self._key).compile()
        except DynplugError:
            raise
        except Exception as error:  # a model may raise anything
            shapes = [leaf.shape for leaf in jax.tree.leaves(xs)]
            raise DiagnosisError(
                f"The model, or its loss, cannot run on this batch, whose inputs are {shapes} as (time, samples, ...): "
                f"{in_words(error).rstrip('.')}. Run it on one sample first: dp.LoopOverTime(model, dt=...)(x)."
            ) from error

    def __call__(self, params: PyTree, xs: PyTree) -> PassResults:
        return jax.tree.map(np.asarray, self._run(params, xs, self._y, self._key))


def _of(forward: Forward, recorded: PyTree, y: PyTree) -> tuple[PyTree, PyTree, PyTree, PyTree]:
    """The arguments of a measure."""
    out, seen = forward.layout.leave(recorded)
    return out, y, forward.layout, seen


def _with(params: PyTree, changed: Mapping[str, ArrayLike]) -> PyTree:
    """Parameters with others at some paths."""
    values = [changed.get(leaf.path, leaf.value) for leaf in leaves(params)]
    values = [np.asarray(new, leaf.value.dtype) for new, leaf in zip(values, leaves(params), strict=True)]
    return jax.tree.unflatten(jax.tree.structure(params), values)


def _fixed(x: ArrayLike) -> np.ndarray:
    """An array that nobody can change."""
    fixed = np.array(x)
    fixed.flags.writeable = False
    return fixed


def _scaled(xs: PyTree, scale: float) -> PyTree:
    return jax.tree.map(lambda a: (a * scale).astype(a.dtype) if a.dtype.kind == "f" else a, xs)


def _draws_nothing(forward: Forward, model: PyTree, xs: PyTree) -> bool:
    """Whether a run needs no random key."""
    loop = replace(forward.loop, loop="plain", remat=False)
    length, batch_size = jax.tree.leaves(xs)[0].shape[:2]

    def run() -> PyTree:
        settled = forward.settled(model, forward.layout.leave(xs), jax.random.key(0))
        start = loop.start(settled, batch_size=batch_size)
        return loop.advance(settled, start, jax.tree.map(to_jax, xs), length)

    try:
        jax.eval_shape(run)
    except KeyRequiredError:
        return False
    return True


def _need(trained: Trained, whole: PyTree) -> Need | None:
    plan = trained.step.planned(trained.state, whole.x, whole.y)
    if plan is None:
        return None
    sizes = plan.argument_size_in_bytes, plan.output_size_in_bytes, plan.temp_size_in_bytes, -plan.alias_size_in_bytes
    device = jax.tree.leaves(trained.state.params)[0].devices().pop()
    stats = device.memory_stats() or {}
    available = stats.get("bytes_limit", _of_host() if device.platform == "cpu" else None)
    remat = bool(trained.forward.loop.remat)
    return Need(sum(sizes), available, stats.get("peak_bytes_in_use"), whole.size, remat)


def _of_host() -> int | None:
    """The memory of this machine [bytes]."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):  # not on every system
        return None


def losses_on(trainer: Any, batch: Any, steps: int) -> np.ndarray:
    """The losses of a copy of a trainer before each of some steps on one batch; NaN if one is not finite."""
    trainer = trainer.replaced(observers=(), track=(), watch=False, logger=None, progress_bar=False)
    done = trainer.history.steps()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is to be said, diagnostics say
        try:
            trainer.fit(batch, num_epoch=steps)
        except NonFiniteError:
            return np.array([np.nan])
    return np.asarray(trainer.get_hist_metric("fit", which="detailed"), float)[done:]
