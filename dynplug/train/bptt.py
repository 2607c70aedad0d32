"""Backpropagation through time."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, PRNGKeyArray
from tqdm import tqdm

import dynplug.train.checkpoint as checkpoint
from dynplug.core import DynamicalSystem
from dynplug.errors import DataError, NonFiniteError, OptionError
from dynplug.plugin import build, observers
from dynplug.run.axes import as_arrays, check_axis, length_of, swap_batch
from dynplug.timeloop import Loop
from dynplug.train.data import Batches
from dynplug.train.history import History
from dynplug.train.objective import Objective
from dynplug.train.partition import partition
from dynplug.train.reporting import STDOUT, Report, Stream, report
from dynplug.train.step import TrainState, evaluate, outputs, train_step

_SHUFFLE, _FIT, _PREDICT = range(3)  # streams of random numbers of one seed


class BPTT:
    """Train a system by backpropagation through time.

    **Arguments:**

    - `target`: the model; `trainer.target` is the trained one.
    - `loss_fun`: the name of a registered loss, its configuration, or any function `f(predicts, targets) -> scalar`.
        Registered losses are called batch first; a function of your own gets both in the axes of the data.
    - `optimizer`: an `optax.GradientTransformation`, or a configuration such as
        `{"type": "adam", "learning_rate": 1e-3}`.
    - `dt`: the step [ms].
    - `loss_has_aux`: whether `loss_fun` returns `(loss, {"name": value})`; the values are logged by name.
    - `metrics`: what else to log: names of registered metrics, or functions as for `loss_fun`.
    - `data_first_axis`: `"B"`: data are (batch, time, ...); `"T"`: (time, batch, ...), where targets of rank one are
        (batch,).
    - `trainable`: which parameters are trained, by path, where that differs from what the model declares:
        `{"hidden.tau": True, "readout": False}`.
    - `seed`: of the shuffling and of the model's random numbers.
    - `shuffle_data`: whether samples are shuffled anew in every epoch.
    - `t0`: the time at step 0 [ms].
    - `logger`: where a line per epoch is written; `None` for silence.
    - `progress_bar`: whether to show one within each epoch, on a terminal.
    - `plugins`: observers of the run: objects with hooks such as `dynplug_after_epoch`, see
        `dynplug.plugin.observing.ObserverHooks`; `dynplug.train.EarlyStopping` is one.
    - `log_every`: the number of steps between two calls of the observers' `dynplug_after_step`.

    **Raises:** `NoTrainableParametersError`, `UnknownNameError`, `OptionError`, `UnknownPathError`.
    """

    def __init__(
        self,
        target: DynamicalSystem,
        loss_fun: Any,
        optimizer: Any = None,
        *,
        dt: float,
        loss_has_aux: bool = False,
        metrics: Sequence[Any] = (),
        data_first_axis: str = "B",
        trainable: Mapping[str, bool] | None = None,
        seed: int = 0,
        shuffle_data: bool = True,
        t0: float = 0.0,
        logger: Stream | None = STDOUT,
        progress_bar: bool = True,
        plugins: Sequence[Any] = (),
        log_every: int = 1,
    ):
        self.data_first_axis = check_axis(data_first_axis, optional=False)
        self.dt, self.t0 = float(dt), float(t0)
        self.seed = seed
        self.shuffle_data = shuffle_data
        self.logger = logger
        self.progress_bar = progress_bar
        if log_every < 1:
            raise OptionError(f"log_every={log_every} must be at least 1.")
        self.log_every = log_every
        self.history = History()
        self.epoch = 0
        self._observers = observers(plugins)
        self.objective = Objective.of(loss_fun, loss_has_aux, metrics, self.data_first_axis)
        self.optimizer = _optimizer(optimizer)
        params, self._static = partition(target, trainable)
        with jax.numpy_dtype_promotion("standard"):
            self._state = TrainState(params, self.optimizer.init(params), jnp.asarray(True))

    @property
    def target(self) -> Any:
        """The model with its present parameters."""
        return eqx.combine(self._state.params, self._static)

    def fit(
        self,
        train_data: Any,
        test_data: Any = None,
        *,
        num_epoch: int = 100,
        batch_size: int | None = None,
        shared_args: Mapping[str, Any] | None = None,
        fun_after_report: Report | None = None,
    ) -> None:
        """Train; a second call goes on.

        **Arguments:**

        - `train_data`: a pair (x, y) of arrays, or of pytrees of arrays.
        - `test_data`: likewise; evaluated after each epoch.
        - `num_epoch`: how often to go through the data.
        - `batch_size`: samples in a batch; `None` for all in one.
        - `shared_args`: values for `ctx.shared`.
        - `fun_after_report`: called as `f(epoch, metrics, phase)` after each epoch's `"fit"` and `"test"` phases;
            `metrics` are means over samples, and `"seconds"`.

        **Raises:** `DataError`; `NonFiniteError`, which leaves the last finite parameters in `target`. History is kept
        in either case, and after an interrupt.
        """
        axis = self.data_first_axis
        train = Batches(train_data, axis, batch_size, "train_data")
        test = None if test_data is None else Batches(test_data, axis, batch_size, "test_data")
        last = self.epoch + num_epoch
        self._observers.dynplug_run_start(run=self, last=last)
        try:
            while self.epoch < last and not self._one_epoch(train, test, last, shared_args or {}, fun_after_report):
                pass
        except BaseException as error:
            self._observers.dynplug_run_error(run=self, error=error)
            raise
        finally:
            self._observers.dynplug_run_end(run=self)

    def predict(
        self, inputs: Any, *, batch_size: int | None = None, shared_args: Mapping[str, Any] | None = None
    ) -> Any:
        """The outputs of the present model at all steps, with the axes that `data_first_axis` says.

        **Arguments:**

        - `inputs`: an array, or a pytree of arrays.
        - `batch_size`: samples computed at once; `None` for all.
        - `shared_args`: values for `ctx.shared`.
        """
        inputs = as_arrays(inputs)
        axis = 0 if self.data_first_axis == "B" else 1
        samples = length_of(inputs, axis, "inputs")
        if samples == 0:
            raise DataError("inputs: there is no sample.")
        size = batch_size or samples
        parts = []
        for n, first in enumerate(range(0, samples, size)):
            rows = np.arange(first, min(first + size, samples))
            x = jax.tree.map(lambda a, rows=rows: np.take(a, rows, axis), inputs)
            out = outputs(
                self._loop(False, shared_args or {}),
                self.target,
                swap_batch(x, self.data_first_axis),
                self._key(_PREDICT, n),
            )
            parts.append(swap_batch(out, self.data_first_axis))
        return parts[0] if len(parts) == 1 else jax.tree.map(lambda *p: jnp.concatenate(p, axis), *parts)

    def get_hist_metric(self, phase: str = "fit", metric: str = "loss", which: str = "report") -> np.ndarray:
        """A metric over time: one value an epoch (`which="report"`) or a batch (`"detailed"`). See `History.metric`."""
        return self.history.metric(phase, metric, which)

    def save_states(self, filename: str | Path) -> None:
        """Write model, optimizer, epoch, seed and history to one safetensors file, whole or not at all."""
        description = {"epoch": self.epoch, "seed": self.seed, "history": self.history.to_json()}
        checkpoint.write(filename, self._trees(), description)
        self._observers.dynplug_checkpoint_saved(run=self, path=str(filename))

    def load_states(self, filename: str | Path) -> None:
        """Go back to what `save_states` wrote; training then goes on as if it had never stopped.

        **Raises:** `CheckpointError`; this trainer is then as it was.
        """
        trees, description = checkpoint.read(filename, self._trees())
        trained = jax.tree.map(lambda leaf: leaf is not None, self._state.params, is_leaf=lambda leaf: leaf is None)
        params, self._static = eqx.partition(trees["model"], trained)
        self._state = TrainState(params, trees["optimizer"], jnp.asarray(True))
        self.epoch, self.seed = description["epoch"], description["seed"]
        self.history = History.from_json(description["history"])

    def _trees(self) -> dict[str, Any]:
        return {"model": self.target, "optimizer": self._state.optimizer}

    def _one_epoch(
        self, train: Batches, test: Batches | None, last: int, shared: Mapping[str, Any], after: Report | None
    ) -> bool:
        """Train for an epoch, test, and report; whether an observer wants to stop."""
        self._observers.dynplug_epoch_start(run=self, epoch=self.epoch + 1)
        began = time.perf_counter()
        self._fit_epoch(train, shared)
        fitted = time.perf_counter()
        self.epoch += 1
        seconds = {"fit": fitted - began}
        if test is not None:
            self._test_epoch(test, shared)
            seconds["test"] = time.perf_counter() - fitted
        report(self.history, self.epoch, last, seconds, self.logger, after)
        metrics = {phase: self.history.last("fit" if phase == "fit" else "predict") for phase in seconds}
        self._observers.dynplug_after_epoch(run=self, epoch=self.epoch, metrics=metrics)
        return any(self._observers.dynplug_should_stop(run=self, epoch=self.epoch, metrics=metrics))

    def _fit_epoch(self, data: Batches, shared: Mapping[str, Any]) -> None:
        loop, epoch_key = self._loop(True, shared), self._key(_FIT, self.epoch)
        sizes: list[int] = []
        logged: list[dict[str, Array]] = []
        try:
            with self._bar(data) as bar:
                for n, (x, y, size) in enumerate(bar):
                    before, key = self._state, jax.random.fold_in(epoch_key, n)
                    self._state, values = train_step(
                        loop, self.objective, self.optimizer, self._static, before, x, y, key
                    )
                    if not bool(before.ok):
                        break
                    self._observe_step(logged)
                    sizes.append(size)
                    logged.append(values)
            self._check_finite(logged)
            self._observe_step(logged)
        finally:
            self._record("fit", sizes, logged)

    def _observe_step(self, logged: list[dict[str, Array]]) -> None:
        """Show the last step that is surely done to the observers of steps, if there are any."""
        hook = self._observers.dynplug_after_step
        if logged and len(logged) % self.log_every == 0 and hook.get_hookimpls():
            metrics = {name: float(value) for name, value in logged[-1].items()}
            hook(run=self, epoch=self.epoch + 1, step=len(logged), metrics=metrics)

    def _check_finite(self, logged: list[dict[str, Array]]) -> None:
        if bool(self._state.ok):
            return
        self._state = TrainState(self._state.params, self._state.optimizer, jnp.asarray(True))
        step = len(logged)
        loss = float(logged[-1]["loss"])
        what = "a gradient or an update" if np.isfinite(loss) else f"the loss ({loss})"
        raise NonFiniteError(
            f"Epoch {self.epoch + 1}, step {step}: {what} is not finite. The model keeps its parameters from before "
            "this step. A smaller learning rate, gradient clipping (optax.clip_by_global_norm) or a narrower surrogate "
            "may help; check the data for NaN."
        )

    def _test_epoch(self, data: Batches, shared: Mapping[str, Any]) -> None:
        loop, model = self._loop(False, shared), self.target
        sizes: list[int] = []
        logged: list[dict[str, Array]] = []
        for n, (x, y, size) in enumerate(data.batches()):
            logged.append(evaluate(loop, self.objective, model, x, y, self._key(_PREDICT, n)))
            sizes.append(size)
        self._record("predict", sizes, logged)

    def _record(self, phase: str, sizes: list[int], logged: list[dict[str, Array]]) -> None:
        values = jax.device_get(logged)
        names = sorted(values[0], key=lambda name: name != "loss") if values else ()
        self.history.record(phase, sizes[: len(values)], {name: [float(v[name]) for v in values] for name in names})

    def _bar(self, data: Batches) -> Any:
        rng = np.random.default_rng((self.seed, _SHUFFLE, self.epoch)) if self.shuffle_data else None
        return tqdm(
            data.batches(rng),
            total=len(data),
            leave=False,
            disable=None if self.progress_bar else True,
            unit="batch",
            desc=f"Epoch {self.epoch + 1}",
        )

    def _loop(self, fit: bool, shared: Mapping[str, Any]) -> Loop:
        return Loop(self.dt, self.t0, batched=True, fit=fit, shared=dict(shared))

    def _key(self, *stream: int) -> PRNGKeyArray:
        key = jax.random.key(self.seed)
        for n in stream:
            key = jax.random.fold_in(key, n)
        return key


def _optimizer(optimizer: Any) -> optax.GradientTransformation:
    if optimizer is None:
        return optax.adam(1e-3)
    built = build(optimizer, kind="optimizer") if isinstance(optimizer, (str, dict)) else optimizer
    if not (hasattr(built, "init") and hasattr(built, "update")):
        raise OptionError(
            f"optimizer={optimizer!r}: give an optax optimizer, or {{'type': 'adam', 'learning_rate': 1e-3}}."
        )
    return built
