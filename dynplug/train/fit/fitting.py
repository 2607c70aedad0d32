"""One call of `fit`: epoch after epoch, step after step."""

import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from dynplug.errors import DataWarning, NonFiniteError
from dynplug.run import Compiling
from dynplug.timeloop import RunState
from dynplug.train.data import Batch, BatchSource, Layout, Window, check_size, checksum, padded
from dynplug.train.fit.epoch import Log
from dynplug.train.fit.kept_best import KeptBest
from dynplug.train.fit.noticing import Noticing
from dynplug.train.fit.progress import Progress
from dynplug.train.fit.reporting import Report, StepReports, Stream, report
from dynplug.train.fit.unmoved import Unmoved
from dynplug.train.step import Counting, Stepped, StepProgram, checked

_LOOK = 10  # steps, in the first epoch after which the activity is looked at
_AHEAD = 8  # steps on their way, so that the device need not wait for the host to see how the last one went


class _Step(NamedTuple):
    """A step on its way: what it learns from, the carry that it started with, and what it gives."""

    window: Window
    carry: RunState | None
    made: Stepped


@dataclass(frozen=True)
class FitOptions:
    """The options of a call of `fit`.

    **Attributes:**

    - `train`, `test`: the data.
    - `shuffling`: the random numbers for the order of an epoch's samples.
    - `windows`: cuts batches, numbered from some number, into what a step sees.
    - `program`: the compiled functions of an epoch; of testing, for `None`.
    - `layout`: the axes of the data; `pad`, whether a batch that is too small is made up to the size of the others.
    - `counted`: by name, the functions that metrics are of the summed counts of an epoch.
    - `last`: the number of the last epoch.
    - `num_report`: after how many steps a line is written; `None` for once an epoch.
    - `reset_state`: whether each batch starts anew.
    - `after`, `logger`: the function and the stream that receive reports.
    - `progress_bar`: whether to show one.
    - `observers`, `log_every`: the observers' hooks, and how often they hear of a step.
    - `look`: looks at what the model does with a batch of inputs, once in a training; or `None`.
    - `rates`: the rates of the model's units on a batch, by name, once an epoch; or `None`.
    - `save`: writes a checkpoint, or `None`; `every`: after how many batches, beside each epoch.
    - `keep`: keeps the model of the best epoch; or `None`.
    """

    train: BatchSource
    test: BatchSource | None
    shuffling: Callable[[int], np.random.Generator]
    windows: Callable[[Iterator[Any], int], Iterator[Window]]
    program: Callable[[int | None], StepProgram]
    layout: Layout
    pad: bool
    counted: dict[str, Callable[[Any], Any]]
    last: int
    num_report: int | None
    reset_state: bool
    after: Report | None
    logger: Stream | None
    progress_bar: bool
    observers: Any
    log_every: int
    look: Callable[[Any], None] | None
    rates: Callable[[Batch | Window], dict[str, float]] | None
    save: Callable[[], None] | None
    every: int | None
    keep: KeptBest | None


class Fitting:
    """A call of `fit` under way.

    **Arguments:**

    - `trainer`: the trainer that observers receive.
    - `progress`: that of the training, which this advances.
    - `options`: those of the call of `fit`.
    """

    def __init__(self, trainer: object, progress: Progress, options: FitOptions):
        self._trainer, self._progress, self._options = trainer, progress, options
        self._hooks = options.observers
        self._compiling = Compiling()

    def run(self) -> None:
        """All epochs up to the last, or until an observer says stop."""
        progress, last = self._progress, self._options.last
        resumed = progress.began is not None
        if not resumed:
            progress.began = progress.epoch
        self._hooks.dynplug_run_start(trainer=self._trainer, last=last)
        try:
            stop = resumed and progress.epoch > (progress.began or 0) and not progress.batches and self._should_stop()
            while progress.epoch < last and not stop:
                self._epoch()
                stop = self._should_stop()
            if self._options.keep is not None:
                self._options.keep.end()
        except BaseException as error:
            progress.end_with_best(False)
            self._hooks.dynplug_run_error(trainer=self._trainer, error=error)
            raise
        finally:
            progress.began = None
            self._hooks.dynplug_run_end(trainer=self._trainer)

    def _epoch(self) -> None:
        options, progress = self._options, self._progress
        self._hooks.dynplug_epoch_start(trainer=self._trainer, epoch=progress.epoch + 1)
        before, began = progress.history.steps(), time.perf_counter()
        phase, last = "fit", self._fit()
        if options.look and last is not None and before < _LOOK <= progress.history.steps():
            options.look(last.x)
        fitted = time.perf_counter()
        progress.epoch += 1
        seconds = {} if options.num_report else {"fit": fitted - began}
        if options.test is not None:
            phase, last = "test", self._test(options.test)
            seconds["test"] = time.perf_counter() - fitted
        if options.rates and last is not None:
            progress.history.note(phase, options.rates(last))
        if seconds:
            report(progress.history, progress.epoch, options.last, seconds, options.logger, options.after)
        metrics = self._metrics()
        self._hooks.dynplug_after_epoch(trainer=self._trainer, epoch=progress.epoch, metrics=metrics)
        if options.keep:
            options.keep.see(progress.epoch, metrics)
        if options.save:
            options.save()

    def _metrics(self) -> dict[str, dict[str, float]]:
        history = self._progress.history
        metrics = {"fit": history.last("fit")}
        return metrics if self._options.test is None else {**metrics, "test": history.last("test")}

    def _should_stop(self) -> bool:
        epoch = self._progress.epoch
        return any(self._hooks.dynplug_should_stop(trainer=self._trainer, epoch=epoch, metrics=self._metrics()))

    def _fit(self) -> Window | None:
        """Train for an epoch, or for what is left of it: its last window.

        Some steps are on their way before the first is looked at.
        """
        options, progress, log = self._options, self._progress, self._progress.log
        log.counted = options.counted
        program, steps = options.program(progress.epoch), deque[_Step]()
        unmoved = Unmoved(progress.train_state.params) if self._is_first() else None
        reports = StepReports(options.num_report, progress.history, log, options.logger, options.after)
        done, last = False, None
        ahead = 1 if options.observers.dynplug_after_step.get_hookimpls() else _AHEAD
        try:
            with self._bar() as bar:
                for window in self._windows():
                    carry, keep = self._goes_on_from(window), not (options.reset_state and window.last)
                    counting = Counting(window.real, window.lengths)
                    with self._compiling(bar, window.x, window.y, counting, carry, keep):
                        x, y, n = window.x, window.y, window.batch
                        made = program.train(progress.train_state, x, y, carry, n, counting, keep=keep)
                    progress.train_state, progress.carry = made.state, made.carry
                    last = window
                    steps.append(_Step(window, carry, made))
                    save = bool(options.every) and window.last and (window.batch + 1) % options.every == 0
                    self._look(steps, 0 if save else ahead, program, reports, unmoved)
                    if save and options.save:
                        progress.batches = window.batch + 1
                        options.save()
                    bar.update(window.last)
            self._look(steps, 0, program, reports, unmoved)
            reports.after_epoch()
            if unmoved is not None:
                unmoved.end(program, progress.train_state)
            done = True
        finally:
            for step in steps:
                if bool(step.made.state.ok):
                    self._add(step)
            if done or len(log):
                log.keep(progress.history, "fit", options.num_report, interrupted=not done)
            progress.log, progress.batches, progress.checksum = Log(), 0, None
        return last

    def _is_first(self) -> bool:
        """Whether this is the first epoch of the training, from its start."""
        return self._progress.epoch == 0 and self._progress.batches == 0

    def _look(
        self, steps: "deque[_Step]", ahead: int, program: StepProgram, reports: StepReports, unmoved: Unmoved | None
    ) -> None:
        """See how steps went that are done. If more than `ahead` are on their way, wait until it is half as many."""
        log, due = self._progress.log, 0
        if len(steps) > ahead:  # to be woken for each of them would take longer than a small step itself
            due = len(steps) - min(ahead, max(1, ahead // 2))
            steps[due - 1].made.state.ok.block_until_ready()
        while steps and (due > 0 or steps[0].made.state.ok.is_ready()):  # one that is done may not say so yet
            step, due = steps.popleft(), due - 1
            self._add(step)
            if not bool(step.made.state.ok):
                raise self._not_finite(program, *step)
            if unmoved is not None:
                unmoved.see(step.window, step.made.moved)
            self._observe(log)
            reports.after_step()

    def _add(self, step: _Step) -> None:
        self._progress.log.add(step.window.weight, step.made.logged)

    def _full(self, data: BatchSource, epoch: int) -> int | None:
        """The size of all batches of an epoch, where partial ones may be made up to it. Asked before they are."""
        return data.full(epoch) if self._options.pad else None

    def _alike(self, batches: Iterator[Batch], full: int | None) -> Iterator[Batch]:
        """The batches, where that may be, all of one size."""
        return (padded(batch, full, self._options.layout) for batch in batches) if self._options.pad else batches

    def _windows(self) -> Iterator[Window]:
        epoch, first = self._progress.epoch, self._progress.batches
        full = self._full(self._options.train, epoch + 1)
        batches = self._from(first, self._options.train.batches(epoch + 1, self._options.shuffling(epoch)))
        return self._options.windows(self._alike(batches, full), first)

    def _from(self, first: int, batches: Iterator[Batch]) -> Iterator[Batch]:
        """The batches from number `first` on. Those before it must be those that were trained on."""
        progress, wanted, total, count = self._progress, self._progress.checksum, 0, 0
        for count, batch in enumerate(batches, 1):
            if count <= first or self._options.every:
                total = checksum((batch.x, batch.y, batch.lengths), total)
            if count == first and wanted not in (None, total):
                self._warn_of_others(first)
            if count > first:
                progress.checksum = total
                yield batch
        if count < first:
            self._warn_of_others(first)

    def _warn_of_others(self, first: int) -> None:
        warnings.warn(
            f"Epoch {self._progress.epoch + 1} goes on after batch {first}, but the first {first} batches of the "
            "training data are not those that it was trained on before the interruption: some samples count twice in "
            "this epoch, others not at all. Give the same data and batch size as before; a loader that shuffles must "
            "do so by the number of the epoch: give a function of it, as lambda epoch: loader(seed=epoch).",
            DataWarning,
            stacklevel=2,
        )

    def _bar(self) -> Any:
        epoch, disable = self._progress.epoch + 1, None if self._options.progress_bar else True
        total, done = self._options.train.length(epoch), self._progress.batches
        return tqdm(total=total, initial=done, leave=False, disable=disable, unit="batch", desc=f"Epoch {epoch}")

    def _goes_on_from(self, window: Window) -> RunState | None:
        """The states that a window starts with, or `None` where it starts anew."""
        carry = self._progress.carry
        if carry is None or (self._options.reset_state and window.fresh):
            return None
        return check_size(carry, window.rows)

    def _observe(self, log: Log) -> None:
        """Show a step that is done to the observers of steps, if there are any."""
        hook = self._options.observers.dynplug_after_step
        if len(log) and len(log) % self._options.log_every == 0 and hook.get_hookimpls():
            hook(trainer=self._trainer, epoch=self._progress.epoch + 1, step=len(log), metrics=log.last())

    def _not_finite(
        self, program: StepProgram, window: Window, carry: RunState | None, made: Stepped
    ) -> NonFiniteError:
        """The error about a step, which is taken back."""
        progress = self._progress
        progress.carry = carry
        state = progress.train_state = progress.train_state.going_on()
        culprit = program.first_culprit(state.values, window.x, window.y, carry, window.batch)
        if culprit is None:
            flags = zip(np.asarray(made.finite), checked(state.params), strict=True)
            culprit = next(name for good, name in flags if not good)
        return NonFiniteError(
            f"Epoch {progress.epoch + 1}, step {len(progress.log)}: {culprit} is not finite. The model keeps its "
            "parameters from before this step. Check the data for NaN; a smaller learning rate, gradient clipping "
            "(optax.clip_by_global_norm) or a narrower surrogate may help."
        )

    def _test(self, data: BatchSource) -> Batch | None:
        """Test after an epoch: the first batch."""
        options, progress = self._options, self._progress
        program, params = options.program(None), progress.train_state.tested
        log, carry = Log(counted=options.counted), None
        full = self._full(data, progress.epoch)
        batches = self._alike(data.batches(progress.epoch, options.shuffling(progress.epoch)), full)
        noticing, first = Noticing(program, params, f"Test of epoch {progress.epoch}"), None
        for n, batch in enumerate(batches):
            first = batch if first is None else first
            before = None if options.reset_state or carry is None else check_size(carry, batch.size)
            counting = Counting(batch.real, batch.lengths)
            carry, logged = program.evaluate(params, batch.x, batch.y, before, n, counting)
            noticing.batch(n, batch.x, batch.y, before, (carry, logged))
            log.add(batch.size, logged)
        noticing.end()
        log.keep(progress.history, "test")
        return first
