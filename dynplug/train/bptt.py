"""Backpropagation through time."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dynplug.core import as_whole, is_whole
from dynplug.errors import OptionError
from dynplug.plugin import answers_when_made
from dynplug.timeloop import Loop, check_options
from dynplug.train.data import Batch, Layout, Window, layout_of, windows
from dynplug.train.gradient_trainer import GradientTrainer


@answers_when_made
@dataclass(repr=False, eq=False, kw_only=True)
class BPTT(GradientTrainer):
    r"""Train a system by backpropagation through time.

    $$\theta \leftarrow \theta - \mathrm{optimizer}\left(\frac{dL}{d\theta}\right), \qquad
    \frac{dL}{d\theta} = \sum_i \lambda_{i+1} \frac{\partial s_{i+1}}{\partial \theta} +
    \frac{\partial L}{\partial y_i} \frac{\partial y_i}{\partial \theta}$$
    $$\lambda_i = \lambda_{i+1} \frac{\partial s_{i+1}}{\partial s_i} +
    \frac{\partial L}{\partial y_i} \frac{\partial y_i}{\partial s_i}$$

    with the states $s_i$ and the outputs $y_i$ of all steps, and $\lambda$ zero after the last one.

    ```python
    x = jax.random.normal(jax.random.key(0), (32, 10, 4))     # (samples, time, features)
    y = (x.sum((1, 2)) > 0).astype(jnp.int32)
    model = dp.layers.GRUCell(4, 8, key=jax.random.key(1)) >> dp.layers.Dense(8, 2, key=jax.random.key(2))
    trainer = dp.BPTT(model, "cross_entropy", optax.adam(1e-2), metrics=["accuracy"], dt=1.0, logger=None)
    trainer.fit((x, y), num_epoch=2, batch_size=16)
    trainer.predict(x)                                        # (samples, time, classes)
    ```

    **Arguments:**

    - `target`: the model; `trainer.target` is the trained one.
    - `loss_fun`: the name of a registered loss, its configuration, or any function `f(predicts, targets) -> scalar`.
        Registered losses are called batch first, with the outputs; a function of your own gets both in the axes of the
        data, and with `monitors` `predicts` is the pair (outputs, records), records being arrays by name.
    - `optimizer`: an `optax.GradientTransformation`, or a configuration such as
        `{"type": "adam", "learning_rate": 1e-3}`; `learning_rate` may be a schedule, as
        `{"type": "cosine_decay_schedule", "init_value": 1e-3, "decay_steps": 1000}`, `"clip_by_global_norm"` and
        `"accumulate"` are put around an optimizer. In Python, anything that optax can chain.
    - `loss_has_aux`: whether `loss_fun` returns `(loss, {"name": value})`; the values are logged by name.
    - `loss_auto_run`: whether the trainer runs the model; otherwise the loss does, as `f(run, inputs, targets)`, with
        `run(inputs)` for the predictions, `run.model` and `run.key`.
    - `seed`: of the shuffling and of the model's random numbers; `None` draws one.
    - `shuffle_data`: whether samples are shuffled anew in every epoch; `None` shuffles arrays and leaves other data to
        their loader.
    - `monitors`: records of the states after each step, as for `DSRunner`: for the loss, and in `predict`.
    - `metrics`: other measures to log: names of registered metrics, or functions as for `loss_fun`.
    - `trainable`: by path, whether parameters are trained, where that differs from the model's declaration:
        `{"hidden.tau": True, "readout": False}`.
    - `ema`: the decay of an exponential mean of the parameters over the optimizer's steps, such as 0.999 [-]; `None`
        for none. The mean is what tests, `predict` and `keep_best` take, and is `trainer.average`; training goes on
        from the parameters themselves. In a checkpoint it is the model under the prefix `"average"`.
    - `precision`: of the operands of products: `"float32"`, `"bfloat16"`, `"float16"` with a scaled loss, or a
        `dynplug.train.Precision`. Parameters, states and the loss are float32.
    - `dt`: the step [ms].
    - `t0`: the time at step 0 [ms].
    - `data_first_axis`: `"B"`: data are (batch, time, ...); `"T"`: (time, batch, ...), where targets of rank one are
        (batch,).
    - `truncate`: the number of time steps through which gradients flow: each batch is cut in time into windows of so
        many steps, the states go on from one to the next without gradient, and each window is a step of the optimizer,
        on the loss of its own outputs and targets. `None` does not cut.
    - `loop`: the way to compile the loop: `"auto"`, `"step"`, `"layer"` or `"plain"`.
    - `remat`: whether the backward pass recomputes chunks of the forward pass, to save memory; an integer is the number
        of steps in a chunk.
    - `numpy_mon_after_run`: whether records of `predict` are NumPy arrays; else they stay on the device.
    - `jit`: whether to compile; `{"fit": False}` or `{"predict": False}` for one phase.
    - `devices`: the devices that share the samples of each batch: `"all"`, a number of them, a list of `jax.Device`, a
        `jax.sharding.Mesh` of one axis, or a `jax.sharding.NamedSharding` of samples; `None` for the model's own.
        Losses and parameters are those of one device, but for rounding.
    - `logger`: the stream for reports; `None` for silence.
    - `progress_bar`: whether to show one within each epoch, on a terminal.
    - `observers`: of the run: objects with hooks such as `dynplug_after_epoch`, see
        `dynplug.plugin.observing.ObserverHooks`; `dynplug.train.EarlyStopping` is one.
    - `track`: other values to log per step, for the line of an epoch, history and observers: `"gradient_norm"`, over
        all parameters, as the optimizer gets it, before it is clipped; `"gradient_by_layer"`, the same for each part of
        the model that has parameters, as `"gradient_norm/hidden"`; `"learning_rate"`. An epoch's value is the mean.
        And `"spike_rate"`, once an epoch: the mean rate of each part that spikes, as `"spike_rate/hidden"` [kHz], over
        up to 32 samples of the test data, or else of the last batch.
    - `watch`: whether, after the first epoch and at least ten steps, up to 32 samples of a spiking model are looked at
        once, and a `DiagnosisWarning` says if units are silent or saturated, or a state is not finite.
    - `log_every`: the number of steps between two calls of the observers' `dynplug_after_step`.

    **Raises:** `NoTrainableParametersError`, `UnknownNameError`, `OptionError`, `UnknownPathError`, `DeviceError`.

    **Reference:** Werbos, P. J. (1990), Backpropagation through time: what it does and how to do it,
    doi:10.1109/5.58337.
    """

    data_first_axis: str = "B"
    truncate: int | None = None
    loop: str = "auto"
    remat: bool | int = False

    def __post_init__(self) -> None:
        layout_of(self.data_first_axis)
        self.truncate = None if self.truncate is None else as_whole("truncate", self.truncate)
        self.remat = int(self.remat) if is_whole(self.remat) else self.remat
        check_options(self.loop, self.remat)
        super().__post_init__()
        if self.truncate is not None and not self.loss_auto_run:
            raise OptionError(
                f"truncate={self.truncate}: with loss_auto_run=False the loss runs the model, and must cut time."
            )

    @property
    def layout(self) -> Layout:
        return layout_of(self.data_first_axis)

    def _loop(self, fit: bool, shared: Mapping[str, Any]) -> Loop:
        return Loop(self.dt, self.t0, batched=True, fit=fit, shared=dict(shared), loop=self.loop, remat=self.remat)

    def _windows(self, batches: Iterator[Batch], first: int) -> Iterator[Window]:
        return windows(batches, first, self.truncate, self.layout)
