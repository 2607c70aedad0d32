"""Backpropagation without time."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dynplug.core import DynamicalSystem
from dynplug.plugin import answers_for_arguments
from dynplug.timeloop import Loop
from dynplug.train.data import Batch, Layout, Window, WithoutTime, windows
from dynplug.train.fit import STDOUT, Stream
from dynplug.train.gradient_trainer import GradientTrainer


class BPFF(GradientTrainer):
    """Train a feed-forward system by backpropagation: each sample is one step, and there is no time axis.

    Data are (batch, ...), and so are outputs, records and what a loss of your own gets. All else is as in `BPTT`.

    **Arguments:** `target`, `loss_fun`, `optimizer`, `loss_has_aux`, `loss_auto_run`, `seed`, `shuffle_data`,
    `monitors`, `metrics`, `trainable`, `numpy_mon_after_run`, `jit`, `logger`, `progress_bar`, `plugins`, `log_every`:
    Arguments as for `BPTT`, and

    - `dt`: the step [ms], for systems that ask for it.
    - `t0`: the time of it [ms].

    **Raises:** as `BPTT`.
    """

    @answers_for_arguments
    def __init__(
        self,
        target: DynamicalSystem,
        loss_fun: Any,
        optimizer: Any = None,
        loss_has_aux: bool = False,
        loss_auto_run: bool = True,
        seed: int | None = 0,
        shuffle_data: bool | None = None,
        *,
        dt: float = 1.0,
        t0: float = 0.0,
        monitors: Any = None,
        metrics: Sequence[Any] = (),
        trainable: Mapping[str, bool] | None = None,
        numpy_mon_after_run: bool = True,
        jit: bool | Mapping[str, bool] = True,
        logger: Stream | None = STDOUT,
        progress_bar: bool = True,
        plugins: Sequence[Any] = (),
        log_every: int = 1,
    ):
        super().__init__(
            target,
            loss_fun,
            optimizer,
            loss_has_aux=loss_has_aux,
            loss_auto_run=loss_auto_run,
            seed=seed,
            shuffle_data=shuffle_data,
            monitors=monitors,
            metrics=metrics,
            trainable=trainable,
            dt=dt,
            t0=t0,
            numpy_mon_after_run=numpy_mon_after_run,
            jit=jit,
            logger=logger,
            progress_bar=progress_bar,
            plugins=plugins,
            log_every=log_every,
        )

    @property
    def _layout(self) -> Layout:
        return WithoutTime()

    def _loop(self, fit: bool, shared: Mapping[str, Any]) -> Loop:
        return Loop(self.dt, self.t0, batched=True, fit=fit, shared=dict(shared), schedule="plain")

    def _windows(self, batches: Iterator[Batch], first: int) -> Iterator[Window]:
        return windows(batches, first, None, self._layout)
