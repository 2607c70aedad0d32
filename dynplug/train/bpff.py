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
    r"""Train a feed-forward system by backpropagation: each sample is one step, and there is no time axis.

    $$\theta \leftarrow \theta - \mathrm{optimizer}\left(\frac{dL}{d\theta}\right), \qquad
    \frac{dL}{d\theta} = \frac{\partial L}{\partial y} \frac{\partial y}{\partial \theta}$$

    Data are (batch, ...), and so are outputs, records and what a loss of your own gets. All else is as in `BPTT`.

    ```python
    x = jax.random.normal(jax.random.key(0), (32, 4))     # (samples, features)
    trainer = dp.BPFF(dp.layers.Dense(4, 1, key=jax.random.key(1)), "mse", optax.sgd(0.1), logger=None)
    trainer.fit((x, x.sum(1, keepdims=True)), num_epoch=2)
    ```

    **Arguments:** Arguments as for `BPTT`, without those of a loop over time.

    - `target`, `loss_fun`, `optimizer`, `loss_has_aux`, `loss_auto_run`, `metrics`: as for `BPTT`.
    - `seed`, `shuffle_data`, `trainable`, `precision`, `jit`, `devices`: as for `BPTT`.
    - `ema`: as for `BPTT` [-].
    - `monitors`, `numpy_mon_after_run`, `logger`, `progress_bar`, `observers`, `track`, `log_every`, `watch`: as for
        `BPTT`.
    - `dt`: the step [ms], for systems that ask for it.
    - `t0`: the time of it [ms].

    **Raises:** as `BPTT`.

    **Reference:** Rumelhart, D. E., Hinton, G. E. & Williams, R. J. (1986), Learning representations by
    back-propagating errors, doi:10.1038/323533a0.
    """

    dt: float = 1.0

    @property
    def layout(self) -> Layout:
        return WithoutTime()

    def _loop(self, fit: bool, shared: Mapping[str, Any]) -> Loop:
        return Loop(self.dt, self.t0, batched=True, fit=fit, shared=dict(shared), loop="plain")

    def _windows(self, batches: Iterator[Batch], first: int) -> Iterator[Window]:
        return windows(batches, first, None, self.layout)
