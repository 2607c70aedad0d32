"""Base class of trainers that follow a gradient batch by batch."""

import time
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import PRNGKeyArray, PyTree

from dynplug.core import DynamicalSystem, as_dt, as_system, as_t0, as_whole, described
from dynplug.diagnosis import Diagnosis
from dynplug.errors import OptionError
from dynplug.plugin import Unbuilt, answers_for_arguments
from dynplug.run import Monitors, Records, jit_for
from dynplug.timeloop import Loop, RunState
from dynplug.train.checkpoint import CheckpointPair
from dynplug.train.data import Batch, Layout, Pair, Reading, Window, check_reset, keeps_keys, with_lengths
from dynplug.train.evidencing import Trained, diagnosed, losses_on
from dynplug.train.first_look import first_look
from dynplug.train.fit import STDOUT, FitOptions, Fitting, Progress, Report, Stream, keeping, outputs
from dynplug.train.option_checks import check_fit
from dynplug.train.replaceable import Replaceable
from dynplug.train.seeds import as_seed
from dynplug.train.spike_rates import spike_rates
from dynplug.train.step import (
    SPIKE_RATE,
    Bounds,
    CompiledStep,
    Forward,
    StepParts,
    StepProgram,
    TrainState,
    as_average,
    as_precision,
    folded,
    joined,
    learns_from_states,
    partition,
    started,
    statistics_of,
    warn_of_twins,
)

_FIT, _PREDICT = 1, 2  # streams of random numbers of one seed; 0 is the order of samples


@dataclass(repr=False, eq=False)
class GradientTrainer(Replaceable):
    """A trainer that follows a gradient. Implementing one: `layout`, `_loop` and `_windows`, and a `__post_init__`.

    The fields are the arguments that such trainers share; a subclass is a dataclass that adds its own.

    **Attributes:** those of `Resumable`, and `mon`, what the monitors recorded in the last `predict`.
    """

    target: DynamicalSystem = field()  # pyright: ignore[reportIncompatibleMethodOverride] - see Resumable
    loss_fun: Annotated[Any, Unbuilt("loss")]
    optimizer: Annotated[Any, Unbuilt("optimizer")] = None
    loss_has_aux: bool = False
    loss_auto_run: bool = True
    seed: int | None = 0
    shuffle_data: bool | None = None
    _: KW_ONLY
    dt: float
    t0: float = 0.0
    monitors: Any = None
    metrics: Annotated[Sequence[Any], Unbuilt("metric")] = ()
    trainable: Mapping[str, Any] | None = None
    ema: float | None = None
    precision: Any = "float32"
    numpy_mon_after_run: bool = True
    jit: bool | Mapping[str, bool] = True
    devices: Any = None
    logger: Stream | None = STDOUT
    progress_bar: bool = True
    observers: Sequence[Any] = ()
    track: Sequence[str] = ()
    log_every: int = 1
    watch: bool = True
    _lane = None  # what a program becomes where several trainers run as one, see `together`

    def __post_init__(self) -> None:
        target = as_system(vars(self).pop("_untrained"), type(self).__name__)
        self.dt, self.t0, self.seed = as_dt(self.dt), as_t0(self.t0), as_seed(self.seed)
        self.monitors, self.log_every = Monitors(self.monitors), as_whole("log_every", self.log_every)
        self._jit = {phase: jit_for(phase, self.jit) for phase in ("fit", "predict")}
        self.precision = as_precision(self.precision)
        self.precision.check(target, self.jits)
        self.mon = Records()
        self._assemble()
        self._placement.check(target, "The model")
        params, static = partition(target, self.trainable)
        learned, static = statistics_of(static)
        warn_of_twins(params)
        self._bounds = Bounds.of(params)
        parts = {"learned": learned, "average": as_average(self.ema, params)}
        self._progress = Progress(TrainState.of(params, self._started(params), **parts), static)
        one = self._loop(False, {})
        eqx.filter_eval_shape(lambda: self.monitors.check(one.start(target, key=self._key(_PREDICT)).system))

    @property
    def _constants(self) -> dict[str, Any]:
        mixed = {"precision": self.precision.compute} if self.precision.is_mixed else {}
        return {"dt": self.dt, **mixed}

    @property
    @abstractmethod
    def layout(self) -> Layout:
        """The axes of the data."""

    @abstractmethod
    def _loop(self, fit: bool, shared: Mapping[str, Any]) -> Loop:
        """The loop over time."""

    @abstractmethod
    def _windows(self, batches: Iterator[Batch], first: int) -> Iterator[Window]:
        """The batches, numbered from `first`, as the steps of the optimizer see them."""

    @answers_for_arguments
    def fit(
        self,
        train_data: object,
        test_data: object = None,
        *,
        num_epoch: int = 100,
        num_report: int | None = None,
        batch_size: int | None = None,
        lengths: object = None,
        buckets: int = 4,
        reset_state: bool = True,
        shared_args: Mapping[str, Any] | None = None,
        fun_after_report: Report | None = None,
        save_to: str | Path | None = None,
        checkpoint_every: int | None = None,
        keep_best: str | Sequence[str] | None = None,
        restore_best: bool = False,
    ) -> None:
        """Train; a second call goes on, and so does one after `load_states`.

        **Arguments:**

        - `train_data`: a tuple (x, y) of arrays, or of pytrees of arrays; or anything that gives batches (x, y) anew
            whenever it is gone through: a list, a data loader; or a function that returns one or the other, called for
            each epoch as `f()`, or as `f(epoch)` if it has a parameter. Inputs of several lengths are lists of arrays
            (time, ...), one a sample, and targets, where they have time, are lists too; or they are arrays that are
            padded already, (x, y, lengths).
        - `test_data`: likewise; evaluated after each epoch, never shuffled.
        - `num_epoch`: the number of further epochs, an epoch being once through the data; what is left of one that was
            interrupted is the first of them. For so many in all: `num_epoch=max(0, 100 - trainer.epoch)`.
        - `num_report`: after how many steps to report; `None`, 0 or -1 for once an epoch. What is left at the end of an
            epoch is reported then.
        - `batch_size`: samples in a batch of arrays; `None` for all in one. Other data have batches of their own.
        - `lengths`: the number of steps of each sample that count, (samples,), where arrays are padded; with test data
            the pair of those of both. What comes later counts for nothing.
        - `buckets`: to how many lengths at most lists of several lengths are padded: each is a program to compile.
        - `reset_state`: whether each batch starts with new states; otherwise states go on from one batch to the next,
            without gradient, as when batches are consecutive stretches of the same recordings.
        - `shared_args`: values for `ctx.shared`. A number is traced, as an array is: another value is no other program.
        - `fun_after_report`: called as `f(epoch, metrics, phase)` after each epoch's `"fit"` and `"test"` phases;
            `metrics` are means over samples, and `"seconds"`. With `num_report`, `"fit"` is reported as
            `f(step, metrics, "fit")`.
        - `save_to`: the file of a checkpoint, written whole or not at all after each epoch; the one before it is kept
            beside it. A training that was killed goes on after `load_states` as if it had not been.
        - `checkpoint_every`: after how many batches to write it too. Where an epoch is then gone on with, a
            `DataWarning` says if its batches are others, as those of a loader that shuffles.
        - `keep_best`: a metric as `"test/loss"` or `"fit/accuracy"`: the parameters of the epoch in which it was best
            are kept, for `restore_best()`, and with `save_to` its checkpoint, with `.best` in its name. Less of a loss
            is better, and of a registered metric what its spec says; of any other say which:
            `("test/distance", "min")`.
        - `restore_best`: whether the model is in the end that of the best epoch, unless an error or an interrupt ended
            the run. Checkpoints hold both, and go on from the last one.

        **Raises:** `OptionError`; `DataError`; `NonFiniteError`, which leaves the last finite parameters in `target`.
        History is kept in either case, and after an interrupt; `CheckpointError` where a checkpoint cannot be written,
        which leaves the one before.
        """
        self.check_fit("reset_state", {"reset_state": reset_state})
        train_data, test_data = with_lengths(train_data, test_data, lengths)
        if checkpoint_every is not None and save_to is None:
            raise OptionError(f"checkpoint_every={checkpoint_every!r} needs save_to, the file to write.")
        shared = dict(shared_args or {})
        check = partial(self._check_data, shared, reset_state)
        size = None if batch_size is None else as_whole("batch_size", batch_size)
        read = partial(
            Reading, self.layout, size, check, admits=self._placement.check, buckets=as_whole("buckets", buckets)
        )
        options = FitOptions(
            train=read(shuffle=self.shuffle_data, name="train_data")(train_data),
            test=None if test_data is None else read(shuffle=False, name="test_data")(test_data),
            shuffling=self._shuffling,
            windows=self._windows,
            program=lambda epoch: self._program("fit" if epoch is not None else "predict", shared, epoch),
            layout=self.layout,
            counted=self.objective.counted,
            pad=reset_state and self._may_pad,
            last=self.epoch + as_whole("num_epoch", num_epoch, least=0),
            num_report=None if num_report in (None, 0, -1) else as_whole("num_report", num_report),
            reset_state=reset_state,
            after=fun_after_report,
            logger=self.logger if self.writes else None,
            progress_bar=self.progress_bar and self.writes,
            observers=self._hooks,
            log_every=self.log_every,
            look=partial(self._look, first_look, shared) if self.watch and self._jit["fit"] else None,
            rates=partial(self._look, spike_rates, shared) if SPIKE_RATE in self.track else None,
            save=None if save_to is None else partial(CheckpointPair(save_to).save, self),
            every=None if checkpoint_every is None else as_whole("checkpoint_every", checkpoint_every),
            keep=keeping(self, self._progress, keep_best, restore_best, test_data, save_to),
        )
        Fitting(self, self._progress, options).run()

    check_fit = check_fit

    @answers_for_arguments
    def predict(
        self,
        inputs: PyTree,
        *,
        reset_state: bool = True,
        batch_size: int | None = None,
        shared_args: Mapping[str, Any] | None = None,
        eval_time: bool = False,
    ) -> PyTree:
        """The outputs of the model at all steps, with the axes of the data. Monitors record into `mon`.

        The model is `average`, the present one or, with `ema`, that of the mean parameters.

        Of a list of arrays of several lengths the outputs are a list too, of (time, ...), and so is each record.

        **Arguments:**

        - `inputs`: an array, a list of arrays (time, ...) of several lengths, or a pytree of either.
        - `reset_state`: whether to start with new states; otherwise they go on from `state`.
        - `batch_size`: samples computed at once; `None` for all.
        - `shared_args`: values for `ctx.shared`.
        - `eval_time`: whether to return the pair of the time it took [s] and the outputs.
        """
        began = time.perf_counter()
        if not reset_state and batch_size is not None:
            raise OptionError("With reset_state=False all samples go on at once: leave out batch_size.")
        size = None if batch_size is None else as_whole("batch_size", batch_size)
        self._placement.check(inputs, "inputs")
        program, progress = self._program("predict", shared_args or {}), self._progress
        carry = None if reset_state else self.state
        progress.carry, out, seen = outputs(program, progress.train_state.tested, inputs, self.layout, carry, size)
        self.mon = Records(jax.tree.map(np.asarray, seen) if self.numpy_mon_after_run else seen)
        if eval_time:
            out = jax.block_until_ready(out)
            return time.perf_counter() - began, out
        return out

    run = predict

    def diagnose(
        self,
        batch: PyTree,
        *,
        checks: Sequence[Any] | None = None,
        samples: int | None = 32,
        overfit: int | None = None,
        shared_args: Mapping[str, Any] | None = None,
    ) -> Diagnosis:
        """Diagnose the model by a forward and a backward pass of a batch. Nothing is trained.

        **Arguments:**

        - `batch`: a tuple (x, y), with the axes of the data.
        - `checks`: diagnostics: names, configurations or instances; `None` for all that are registered.
        - `samples`: of how many samples, at most, everything is recorded; `None` for all. The memory that is predicted
            is that of a step on the whole batch.
        - `overfit`: for how many steps a copy of this trainer learns the batch, to see whether it can; `None` for none.
        - `shared_args`: values for `ctx.shared`.

        **Returns:** a `dynplug.diagnosis.Diagnosis`, whose text is a table.

        **Raises:** `DataError`; `DiagnosisError` for a model that cannot run on the batch, unless it has a named error
        of its own; `OptionError`, `UnknownNameError`.
        """
        shared = dict(shared_args or {})
        program, state = self._program("fit", shared, self.epoch), self._progress.train_state
        static = joined(self._progress.static, state.learned)
        given = self._forward(True, shared), self.objective, static, state, program, self._key(_FIT, self.epoch)
        trained = Trained(*given, partial(losses_on, self), partial(self._check_data, shared, True))
        return diagnosed(trained, batch, checks, samples, overfit)

    def explain(self, inputs: PyTree) -> str:
        """Describe how the time loop of a training step on a batch is compiled: its stages, and the reasons.

        **Arguments:**

        - `inputs`: the batch, with the axes of the data.
        """
        plan = self._forward(True, {}).explain(self.target, inputs, self._key(_PREDICT))
        return "\n".join([plan, *self._placement.described()])

    def __repr__(self) -> str:
        names = [measure.name for measure in (self.objective.loss, *self.objective.metrics)]
        told = {**self._placement.told, "epoch": self.epoch, "steps": self.steps}
        return described(self, self.target, dt=self.dt, measures=names, **told)

    def _started(self, params: PyTree) -> PyTree:
        """The optimizer's state for such parameters, which tells what is tracked."""
        optimizer = started(self._optimizer, self._bounds.free(params))
        self._tracking.check(optimizer)
        return self.precision.scaling.started(optimizer)

    def _look(self, at: Callable[..., Any], shared: Mapping[str, Any], batch: PyTree) -> Any:
        return at(self._forward(False, shared), self.average, batch, self._key(_PREDICT))

    def _start(self, model: PyTree, batch_size: int) -> RunState:
        return self._forward(False, {}).start(model, batch_size, self._key(_PREDICT))

    def _forward(self, fit: bool, shared: Mapping[str, Any]) -> Forward:
        return Forward(self._loop(fit, shared), self.layout, self.monitors, self.precision)

    def _program(self, phase: str, shared: Mapping[str, Any], epoch: int | None = None) -> StepProgram:
        stream = (_PREDICT,) if epoch is None else (_FIT, epoch)
        forward, static = self._forward(phase == "fit", shared), self._progress.static
        tracking = self._tracking if self._tracking.names and phase == "fit" else None
        parts = StepParts(forward, self.objective, self._optimizer, self._bounds, static, tracking)
        program = CompiledStep(parts, self._key(), stream, jit=self._jit[phase])
        return self._placement.program(program, self.layout) if self._lane is None else self._lane(program)

    @property
    def _may_pad(self) -> bool:
        """Whether batches may be made up to one size by samples that count for nothing."""
        return self.jits and self.objective.may_pad and keeps_keys() and not learns_from_states(self.target)

    def _check_data(self, shared: Mapping[str, Any], reset_state: bool, data: Pair) -> None:
        """Let the loss and the metrics look at targets; where nothing is compiled, they see them by themselves."""
        check_reset(reset_state, data.lengths)
        if self.objective.checks_targets and self._jit["fit"]:
            predicts = self._program("predict", shared).shapes(self._progress.train_state.values, data.x, data.samples)
            self.objective.check(predicts, self.layout.batch_first((), data.y)[1], data.mask)

    @property
    def _entropy(self) -> int:
        assert self.seed is not None  # one was drawn for it
        return self.seed

    def _shuffling(self, epoch: int) -> np.random.Generator:
        return np.random.default_rng((self._entropy, 0, epoch))

    def _key(self, *stream: int) -> PRNGKeyArray:
        return folded(jax.random.key(self._entropy), *stream)
