"""Base class of trainers of a readout."""

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray, PyTree

import dynplug as dp
from dynplug.train.toolkit import (
    STDOUT,
    History,
    Report,
    Stream,
    Unbuilt,
    are_sequences,
    as_arrays,
    as_device_mesh,
    as_dt,
    as_system,
    as_t0,
    as_whole,
    check_on_one,
    checkpoint,
    described,
    layout_of,
    measures_of,
    padded_inputs,
    report,
    unpadded,
    with_lengths,
)
from dynplug_reservoir.data import has_time
from dynplug_reservoir.readout import find_readout
from dynplug_reservoir.series import Series, SeriesOf

FIT, PREDICT = range(2)  # streams of random numbers of one seed


@dataclass(repr=False, eq=False)
class ReadoutTrainer(ABC):
    """A trainer that solves for one dense layer. Implementing one: `_begin`, `_learn`, `_epochs`, `_memory`."""

    writes: ClassVar[bool] = True  # it trains in one process
    best: ClassVar[None] = None  # it keeps none
    target: dp.DynamicalSystem
    _: KW_ONLY
    dt: float
    readout: str | None = None
    washout: int = 0
    loss_fun: Annotated[Any, Unbuilt("loss")] = "mse"
    metrics: Annotated[Sequence[Any], Unbuilt("metric")] = ()
    data_first_axis: str = "B"
    t0: float = 0.0
    seed: int = 0
    devices: Any = None
    logger: Stream | None = STDOUT

    def __post_init__(self) -> None:
        self.target = as_system(self.target, type(self).__name__)
        self.dt, self.t0 = as_dt(self.dt), as_t0(self.t0)
        self.layout = layout_of(self.data_first_axis)
        self.washout = as_whole("washout", self.washout, least=0)
        self.history = History()
        self.epoch = 0
        self._path = find_readout(self.target, self.readout)
        self._measures = measures_of(self.loss_fun, self.metrics, self.dt)
        self._mesh = as_device_mesh(self.devices)
        self._check_devices(self.target, "The model")
        self._begin()

    @property
    def average(self) -> dp.DynamicalSystem:
        """The model that tests and predictions take: `target`."""
        return self.target

    @property
    def steps(self) -> int:
        """The number of batches that were learned from."""
        return self.history.steps()

    @abstractmethod
    def _begin(self) -> None:
        """Check the options, and prepare the trainer's own state beside the model."""

    @abstractmethod
    def _learn(self, series: Series, batch_size: int | None, shared: Mapping[str, Any]) -> PyTree:
        """Go once through the data, put the solution into `target`, and return the outputs to log."""

    @abstractmethod
    def _epochs(self, asked: int) -> int:
        """The number of passes through the data if `asked` are asked for."""

    @property
    @abstractmethod
    def _memory(self) -> dict[str, Array]:
        """Arrays that the trainer remembers beside the model."""

    @_memory.setter
    @abstractmethod
    def _memory(self, memory: dict[str, Array]) -> None: ...

    def fit(
        self,
        train_data: Any,
        test_data: Any = None,
        *,
        num_epoch: int = 1,
        batch_size: int | None = None,
        lengths: Any = None,
        shared_args: Mapping[str, Any] | None = None,
        fun_after_report: Report | None = None,
    ) -> None:
        """Train; a second call continues.

        **Arguments:**

        - `train_data`: a pair (x, y); y has a value a unit of the readout at each step, (batch, time, units), or
            (batch, units), which are held; or class indices, (batch, time) or (batch,), whose unit shall be 1. Series
            of several lengths are lists of arrays (time, ...), or arrays that are padded, (x, y, lengths). Batches, as
            a list or a loader gives them, and a function of the epoch, are taken as by `BPTT`, and gathered.
        - `test_data`: likewise; evaluated after each pass.
        - `num_epoch`: the number of passes through the data; a closed form needs one pass, and makes no more.
        - `batch_size`: samples run at once, which changes no result but of stochastic models; `None` for all.
        - `lengths`: the number of steps of each series that count, (samples,), where arrays are padded; with test data
            the pair of those of both.
        - `shared_args`: values for `ctx.shared`.
        - `fun_after_report`: called as `f(epoch, metrics, phase)` after each pass's `"fit"` and `"test"` phases.

        **Raises:** `DataError`; `NonFiniteError`, which leaves the model as it was.
        """
        self._check_devices((train_data, test_data), "The data")
        train_data, test_data = with_lengths(train_data, test_data, lengths)
        train = SeriesOf(train_data, self.layout, "train_data")
        test = None if test_data is None else SeriesOf(test_data, self.layout, "test_data")
        shared = shared_args or {}
        last = self.epoch + self._epochs(num_epoch)
        while self.epoch < last:
            began = time.perf_counter()
            series = train(self.epoch + 1)
            self._check_washout(series)
            self._log("fit", self._learn(series, batch_size, shared), series)
            fitted = time.perf_counter()
            self.epoch += 1
            seconds = {"fit": fitted - began}
            if test is not None:
                series = test(self.epoch)
                self._check_washout(series)
                self._log("test", self._outputs(self.target, series.x, batch_size, shared), series)
                seconds["test"] = time.perf_counter() - fitted
            report(self.history, self.epoch, last, seconds, self.logger, fun_after_report)

    def predict(
        self, inputs: PyTree, *, batch_size: int | None = None, shared_args: Mapping[str, Any] | None = None
    ) -> PyTree:
        """The outputs of the present model at all steps, with the axes that `data_first_axis` says.

        Of a list of arrays (time, ...) of several lengths the outputs are a list too.
        """
        self._check_devices(inputs, "inputs")
        if are_sequences(inputs, self.layout):
            pair = padded_inputs(inputs, self.layout)
            out = self.predict(pair.x, batch_size=batch_size, shared_args=shared_args)
            return unpadded(out, pair.ends, self.layout)
        x, _ = self.layout.batch_first(as_arrays(inputs), ())
        return self.layout.batch_first(self._outputs(self.target, x, batch_size, shared_args or {}), ())[0]

    def __repr__(self) -> str:
        told = {} if self._mesh is None else {"devices": self._mesh.size}
        return described(self, self.target, dt=self.dt, readout=self._path, **told, epoch=self.epoch)

    def get_hist_metric(self, phase: str = "fit", metric: str = "loss", which: str = "report") -> np.ndarray:
        """A metric over time. See `dynplug.train.History.metric`."""
        return self.history.metric(phase, metric, which)

    def save_states(self, filename: str | Path) -> None:
        """Write model, the trainer's own state, epoch, seed and history to one file, atomically."""
        description = {"epoch": self.epoch, "seed": self.seed, "history": self.history.to_json()}
        checkpoint.write(filename, {"model": self.target, "memory": self._memory}, description, {"dt": self.dt})

    def load_states(self, filename: str | Path) -> None:
        """Restore what `save_states` wrote; training then continues as if it had never stopped.

        **Raises:** `CheckpointError`; this trainer is then as it was.
        """
        trees = {"model": self.target, "memory": self._memory}
        loaded, description = checkpoint.read(filename, trees, {"dt": self.dt})
        self.target, self._memory = loaded.tree["model"], loaded.tree["memory"]
        self.epoch, self.seed = description["epoch"], description["seed"]
        self.history = History.from_json(description["history"])

    def _outputs(
        self,
        model: dp.DynamicalSystem,
        x: PyTree,
        batch_size: int | None,
        shared: Mapping[str, Any],
        *,
        fit: bool = False,
        out_var: str | None = None,
    ) -> PyTree:
        """The outputs (batch, time, ...) for inputs (batch, time, ...), or `out_var` of the state in their place."""
        loop = dp.LoopOverTime(
            model, out_var, dt=self.dt, t0=self.t0, shared_arg={**shared, "fit": fit}, data_first_axis="B"
        )
        samples = jax.tree.leaves(x)[0].shape[0]
        size = samples if batch_size is None else as_whole("batch_size", batch_size)
        parts = []
        for n, first in enumerate(range(0, samples, size)):
            rows = jax.tree.map(lambda a, first=first: a[first : first + size], x)
            real = jax.tree.leaves(rows)[0].shape[0]
            if self._mesh is not None:  # made up to a multiple of the devices, each of which runs its own
                rows = self._mesh.parts(rows, lambda rank: 0)
            stream = (FIT, self.epoch, n) if fit else (PREDICT, n)
            _, out = loop(rows, key=self._key(*stream))
            out = out if out_var is None else out[1]
            parts.append(jax.tree.map(lambda a, real=real: a[:real], out))
        return parts[0] if len(parts) == 1 else jax.tree.map(lambda *p: jnp.concatenate(p), *parts)

    def _check_devices(self, tree: PyTree, what: str) -> None:
        """Raise `DeviceError` for arrays on several devices where there is to be one."""
        if self._mesh is None:
            check_on_one(tree, what)

    def _key(self, *stream: int) -> PRNGKeyArray:
        key = jax.random.key(self.seed)
        for n in stream:
            key = jax.random.fold_in(key, n)
        return key

    def _check_washout(self, series: Series) -> None:
        steps = int(series.lengths.min())
        if self.washout >= steps:
            which = f"series {int(series.lengths.argmin())} has {steps}" if series.several else f"there are {steps}"
            raise dp.errors.DataError(f"washout={self.washout} leaves no steps to learn from: {which} steps.")

    def _log(self, phase: str, outputs: PyTree, series: Series) -> None:
        y = series.y
        targets = jnp.asarray(y[:, self.washout :] if has_time(y, outputs) else y)
        given = self.layout.batch_first(jnp.asarray(outputs[:, self.washout :]), targets)
        lengths = jnp.asarray(series.lengths - self.washout, jnp.int32) if series.several else None
        found = {name: measure(*given, self.layout, lengths=lengths) for name, measure in self._measures.items()}
        arrays = {name: np.asarray(value).tolist() for name, value in found.items() if np.ndim(value)}
        values = {name: [float(value)] for name, value in found.items() if name not in arrays}
        totals = {"epoch": arrays, "reports": [arrays]} if arrays else None
        self.history.record(phase, [len(y)], values, totals=totals)
