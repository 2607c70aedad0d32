"""Backpropagation without time."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dynplug.plugin import answers_when_made
from dynplug.timeloop import Loop
from dynplug.train.data import Batch, Layout, Window, WithoutTime, windows
from dynplug.train.gradient_trainer import GradientTrainer


@answers_when_made
@dataclass(repr=False, eq=False, kw_only=True)
class BPFF(GradientTrainer):
    """Train a feed-forward system by backpropagation: each sample is one step, and there is no time axis.

    Data are (batch, ...), and so are outputs, records and what a loss of your own gets. All else is as in `BPTT`.

    ```python
    x = jax.random.normal(jax.random.key(0), (32, 4))     # (samples, features)
    trainer = dp.BPFF(dp.layers.Dense(4, 1, key=jax.random.key(1)), "mse", optax.sgd(0.1), logger=None)
    trainer.fit((x, x.sum(1, keepdims=True)), num_epoch=2)
    ```

    **Arguments:** Arguments as for `BPTT`: `target`, `loss_fun`, `optimizer`, `loss_has_aux`, `loss_auto_run`, `seed`,
    `shuffle_data`, `monitors`, `metrics`, `trainable`, `numpy_mon_after_run`, `jit`, `logger`, `progress_bar`,
    `observers`, `log_every`. And

    - `dt`: the step [ms], for systems that ask for it.
    - `t0`: the time of it [ms].

    **Raises:** as `BPTT`.
    """

    dt: float = 1.0

    @property
    def _layout(self) -> Layout:
        return WithoutTime()

    def _loop(self, fit: bool, shared: Mapping[str, Any]) -> Loop:
        return Loop(self.dt, self.t0, batched=True, fit=fit, shared=dict(shared), loop="plain")

    def _windows(self, batches: Iterator[Batch], first: int) -> Iterator[Window]:
        return windows(batches, first, None, self._layout)
