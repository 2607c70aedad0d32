"""What all trainers share that follow a gradient batch by batch."""

import time
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from copy import copy, deepcopy
from dataclasses import KW_ONLY, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from dynplug.core import DynamicalSystem, as_dt, as_system, as_t0, as_whole, described
from dynplug.errors import OptionError
from dynplug.plugin import answers_for_arguments, observers
from dynplug.run import Monitors, Records, jit_for
from dynplug.timeloop import RunState
from dynplug.train.checkpoint import CheckpointPair
from dynplug.train.data import Batch, Layout, Reading, Window, keeps_keys
from dynplug.train.fit import STDOUT, FitOptions, Fitting, KeptBest, Progress, Report, Stream, outputs
from dynplug.train.resumable import Resumable
from dynplug.train.sending import check_picklable
from dynplug.train.step import (
    Average,
    Bounds,
    CompiledStep,
    Forward,
    Objective,
    Tracking,
    TrainState,
    as_decay,
    as_optimizer,
    folded,
    partition,
    started,
    warn_of_twins,
)

_FIT, _PREDICT = 1, 2  # streams of random numbers of one seed; 0 is the order of samples


@dataclass(repr=False, eq=False)
class GradientTrainer(Resumable):
    """A trainer that follows a gradient. Implementing one: `_layout`, `_loop` and `_windows`, and a `__post_init__`.

    The fields are the arguments that such trainers share; a subclass is a dataclass that adds its own.

    **Attributes:** those of `Resumable`, and `mon`, what the monitors recorded in the last `predict`.
    """

    target: DynamicalSystem = field()  # pyright: ignore[reportIncompatibleMethodOverride] - see Resumable
    loss_fun: Any
    optimizer: Any = None
    loss_has_aux: bool = False
    loss_auto_run: bool = True
    seed: int | None = 0
    shuffle_data: bool | None = None
    _: KW_ONLY
    dt: float
    t0: float = 0.0
    monitors: Any = None
    metrics: Sequence[Any] = ()
    trainable: Mapping[str, bool] | None = None
    ema: float | None = None
    numpy_mon_after_run: bool = True
    jit: bool | Mapping[str, bool] = True
    logger: Stream | None = STDOUT
    progress_bar: bool = True
    observers: Sequence[Any] = ()
    track: Sequence[str] = ()
    log_every: int = 1

    def __post_init__(self) -> None:
        target = as_system(vars(self).pop("_untrained"), type(self).__name__)
        self.dt, self.t0, self.seed = as_dt(self.dt), as_t0(self.t0), _seed(self.seed)
        self.monitors, self.log_every = Monitors(self.monitors), as_whole("log_every", self.log_every)
        self._jit = {phase: jit_for(phase, self.jit) for phase in ("fit", "predict")}
        self.mon = Records()
        self._assemble()
        params, static = partition(target, self.trainable)
        warn_of_twins(params)
        self._bounds = Bounds.of(params)
        average = None if (decay := as_decay(self.ema)) is None else Average.of(params, decay)
        state = TrainState.of(params, started(self._optimizer, self._bounds.free(params)), average)
        self._tracking.check(state.optimizer)
        self._progress = Progress(state, static)
        one = self._loop(False, {})
        eqx.filter_eval_shape(lambda: self.monitors.check(one.start(target, key=self._key(_PREDICT)).system))

    def _assemble(self) -> None:
        """Make what is made of functions: hooks, objective and optimizer. No process can send those to another."""
        self._hooks = observers(self.observers)
        self.objective = Objective.of(self.loss_fun, self.loss_has_aux, self.metrics, self.loss_auto_run)
        self._optimizer = as_optimizer(self.optimizer)
        self._tracking = Tracking.of(self.track, self.optimizer)

    def __getstate__(self) -> dict[str, Any]:
        made = ("_hooks", "objective", "_optimizer", "_tracking")
        kept = {name: value for name, value in vars(self).items() if name not in made}
        check_picklable(type(self).__name__, kept)
        return kept

    def __setstate__(self, kept: dict[str, Any]) -> None:
        vars(self).update(kept)
        self._assemble()

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        """Another trainer at the same place, with observers of its own; functions and logger are shared."""
        made = memo[id(self)] = object.__new__(type(self))
        vars(made).update(vars(self))
        made.observers = deepcopy(self.observers, memo)
        made._hooks = observers(made.observers)
        made._progress, made.mon = self._progress.copy(), copy(self.mon)
        return made

    @property
    @abstractmethod
    def _layout(self) -> Layout:
        """The axes of the data."""

    @abstractmethod
    def _loop(self, fit: bool, shared: Mapping[str, Any]) -> Any:
        """The loop over time."""

    @abstractmethod
    def _windows(self, batches: Iterator[Batch], first: int) -> Iterator[Window]:
        """The batches, numbered from `first`, as the steps of the optimizer see them."""

    @answers_for_arguments
    def fit(
        self,
        train_data: Any,
        test_data: Any = None,
        *,
        num_epoch: int = 100,
        num_report: int | None = None,
        batch_size: int | None = None,
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
            each epoch as `f()`, or as `f(epoch)` if it has a parameter.
        - `test_data`: likewise; evaluated after each epoch, never shuffled.
        - `num_epoch`: how many more epochs to train, an epoch being once through the data; what is left of one that was
            interrupted is the first of them. For so many in all: `num_epoch=max(0, 100 - trainer.epoch)`.
        - `num_report`: after how many steps to report; `None`, 0 or -1 for once an epoch. What is left at the end of an
            epoch is reported then.
        - `batch_size`: samples in a batch of arrays; `None` for all in one. Other data have batches of their own.
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

        **Raises:** `DataError`; `NonFiniteError`, which leaves the last finite parameters in `target`. History is kept
        in either case, and after an interrupt; `CheckpointError` where a checkpoint cannot be written, which leaves the
        one before.
        """
        if not (reset_state or self.objective.auto_run):
            raise OptionError(
                "With loss_auto_run=False the trainer sees no states to go on from: leave reset_state=True."
            )
        if checkpoint_every is not None and save_to is None:
            raise OptionError(f"checkpoint_every={checkpoint_every!r} needs save_to, the file to write.")
        if restore_best and keep_best is None:
            raise OptionError("restore_best=True needs keep_best, the metric that tells the best, as 'test/loss'.")
        shared = dict(shared_args or {})
        read = partial(Reading, self._layout, batch_size, partial(self._check_targets, shared))
        plan = FitOptions(
            train=read(self.shuffle_data, "train_data")(train_data),
            test=None if test_data is None else read(False, "test_data")(test_data),
            shuffling=self._shuffling,
            windows=self._windows,
            program=lambda epoch: self._program("fit" if epoch is not None else "predict", shared, epoch),
            layout=self._layout,
            pad=reset_state and self._jit["fit"] and self._jit["predict"] and self.objective.may_pad and keeps_keys(),
            weights=self.objective.weights(),
            last=self.epoch + as_whole("num_epoch", num_epoch, least=0),
            num_report=None if num_report in (None, 0, -1) else as_whole("num_report", num_report),
            reset_state=reset_state,
            after=fun_after_report,
            logger=self.logger,
            progress_bar=self.progress_bar,
            observers=self._hooks,
            log_every=self.log_every,
            save=_nothing if save_to is None else partial(CheckpointPair(save_to).save, self),
            every=None if checkpoint_every is None else as_whole("checkpoint_every", checkpoint_every),
            keep=self._keeping(keep_best, test_data, restore_best, save_to),
        )
        Fitting(self, self._progress, plan).run()
        if restore_best and self.best is not None:  # else no epoch was run, or none measured a finite value
            self.restore_best()

    def predict(
        self,
        inputs: Any,
        *,
        reset_state: bool = True,
        batch_size: int | None = None,
        shared_args: Mapping[str, Any] | None = None,
        eval_time: bool = False,
    ) -> Any:
        """The outputs of the model at all steps, with the axes of the data. Monitors record into `mon`.

        The model is `average`, the present one or, with `ema`, that of the mean parameters.

        **Arguments:**

        - `inputs`: an array, or a pytree of arrays.
        - `reset_state`: whether to start with new states; otherwise they go on from `state`.
        - `batch_size`: samples computed at once; `None` for all.
        - `shared_args`: values for `ctx.shared`.
        - `eval_time`: whether to return the pair of the time it took [s] and the outputs.
        """
        began = time.perf_counter()
        if not reset_state and batch_size is not None:
            raise OptionError("With reset_state=False all samples go on at once: leave out batch_size.")
        size = None if batch_size is None else as_whole("batch_size", batch_size)
        program, progress = self._program("predict", shared_args or {}), self._progress
        run = None if reset_state else self.state
        progress.run, out, seen = outputs(program, progress.state.tested, inputs, self._layout, run, size)
        self.mon = Records(jax.tree.map(np.asarray, seen) if self.numpy_mon_after_run else seen)
        if eval_time:
            out = jax.block_until_ready(out)
            return time.perf_counter() - began, out
        return out

    run = predict

    def explain(self, inputs: Any) -> str:
        """How the time loop of a training step on a batch of inputs is compiled, as text: its stages, and the reasons.

        **Arguments:**

        - `inputs`: the batch, with the axes of the data.
        """
        return self._forward(True, {}).explain(self.target, inputs, self._key(_PREDICT))

    def copy_with(self, optimizer: Any, rate: Any, observer: Any) -> Any:
        """Another trainer with the present model, that is silent, with an optimizer whose learning rate it tracks.

        **Arguments:**

        - `optimizer`: its optimizer, whose state is new.
        - `rate`: the schedule of its learning rate.
        - `observer`: its only observer.
        """
        made = object.__new__(type(self))
        vars(made).update(vars(self), optimizer=optimizer, track=("learning_rate",), observers=(observer,), log_every=1)
        vars(made).update(logger=None, progress_bar=False, _progress=self._progress.copy(), mon=Records())
        made._assemble()
        params = made._progress.state.params
        made._progress.state = TrainState.of(params, started(made._optimizer, made._bounds.free(params)))
        made._tracking = Tracking(("learning_rate",), rate)
        made._tracking.check(made._progress.state.optimizer)
        return made

    def __repr__(self) -> str:
        names = [measure.name for measure in (self.objective.loss, *self.objective.metrics)]
        return described(self, self.target, dt=self.dt, measures=names, epoch=self.epoch, steps=self.steps)

    def _keeping(self, what: Any, test_data: Any, restores: bool, path: str | Path | None) -> Any:
        """What keeps the best epoch, if that is asked for."""
        progress = self._progress
        if what is not None:
            return KeptBest(self, progress, what, test_data, restores, path)
        if progress.kept is not None:  # by an earlier call: it stays, and is not gone back to
            progress.kept = progress.kept._replace(restores=False)
        return _nothing

    def _start(self, model: Any, batch_size: int) -> RunState:
        return self._forward(False, {}).start(model, batch_size, self._key(_PREDICT))

    def _forward(self, fit: bool, shared: Mapping[str, Any]) -> Forward:
        return Forward(self._loop(fit, shared), self._layout, self.monitors)

    def _program(self, phase: str, shared: Mapping[str, Any], epoch: int | None = None) -> CompiledStep:
        stream = (_PREDICT,) if epoch is None else (_FIT, epoch)
        forward, static = self._forward(phase == "fit", shared), self._progress.static
        parts = forward, self.objective, self._optimizer, self._bounds, static
        tracking = self._tracking if self.track and phase == "fit" else None
        return CompiledStep(*parts, self._key(), stream, jit=self._jit[phase], tracking=tracking)

    def _check_targets(self, shared: Mapping[str, Any], x: Any, y: Any, samples: int) -> None:
        """Let the loss and the metrics look at targets; where nothing is compiled, they see them by themselves."""
        if not (self.objective.checks_targets and self._jit["fit"]):
            return
        predicts = self._program("predict", shared).shapes(self._progress.state.params, x, samples)
        self.objective.check(predicts, self._layout.batch_first((), y)[1])

    @property
    def _entropy(self) -> int:
        assert self.seed is not None  # one was drawn for it
        return self.seed

    def _shuffling(self, epoch: int) -> np.random.Generator:
        return np.random.default_rng((self._entropy, 0, epoch))

    def _key(self, *stream: int) -> PRNGKeyArray:
        return folded(jax.random.key(self._entropy), *stream)


def _nothing(*args: Any) -> None:
    """Where nothing is saved."""


def _seed(seed: int | None) -> int:
    """A seed as given, or for `None` one that the operating system draws."""
    if seed is None:
        return int(np.random.SeedSequence().generate_state(1)[0] >> 1)
    return as_whole("seed", seed, least=0)
