"""FORCE learning."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

import dynplug as dp
from dynplug.core import is_real
from dynplug.train.toolkit import as_whole
from dynplug_reservoir.data import goals
from dynplug_reservoir.readout import put, solved
from dynplug_reservoir.readout_trainer import FIT, ReadoutTrainer
from dynplug_reservoir.series import Series

_GOALS, _END = "dynplug_reservoir.goals", "dynplug_reservoir.end"


class Learning(eqx.Module):
    """The weights, those of a bias in a last column, and `P`, the inverse of the inputs' correlation."""

    weight: Float[Array, "out in"]
    P: Float[Array, "in in"]


class Learner(dp.DynamicalSystem):
    """A dense readout that learns while it runs, from the targets of all steps in `ctx.shared`."""

    start: Learning
    bias: bool = eqx.field(static=True)
    washout: int = eqx.field(static=True)
    every: int = eqx.field(static=True)

    @property
    def in_size(self) -> tuple[int]:
        return (self.start.weight.shape[1] - self.bias,)

    @property
    def out_size(self) -> tuple[int]:
        return (self.start.weight.shape[0],)

    def init_state(self, ctx: dp.Context) -> Learning:
        return self.start

    def update(self, state: Learning, x: PyTree, ctx: dp.Context) -> tuple[Learning, Float[Array, " out"]]:
        r = jnp.asarray(x, state.P.dtype)
        r = jnp.append(r, jnp.ones(1, r.dtype)) if self.bias else r
        z = state.weight @ r
        due = (ctx.i >= self.washout) & (ctx.i < ctx.shared[_END]) & ((ctx.i - self.washout) % self.every == 0)
        error = z - ctx.shared[_GOALS][ctx.i]
        return jax.lax.cond(due, _updated, lambda state, *_: state, state, r, error), z


def _updated(state: Learning, r: Array, error: Array) -> Learning:
    k = state.P @ r
    c = 1.0 / (1.0 + r @ k)
    return Learning(state.weight - jnp.outer(error, k) * c, state.P - jnp.outer(k, k) * c)


@dataclass(repr=False, eq=False, kw_only=True)
class ForceTrainer(ReadoutTrainer):
    r"""Learn a readout while the model runs, by recursive least squares (FORCE).

    $$P \leftarrow P - \frac{P r\, r^\top P}{1 + r^\top P r}, \qquad W \leftarrow W - e\,(P r)^\top, \qquad
    e = W r - y, \qquad P_0 = \mathbb 1 / \alpha$$

    $r$ is what the readout receives, a constant 1 included where it has a bias. Where $r$ does not depend on the
    readout, a pass over all steps gives the ridge regression of the same $\alpha$ that pulls towards the weights
    before it, a bias being penalised too. To feed the readout back, as FORCE does, train a `Feedback(...)`: the output
    of each step, from before its update, is then part of the next step's input. Samples are gone through one after
    the other, each from the start of the model's state, with $W$ and $P$ carried over, also from epoch to epoch. What
    is logged for the fit are the outputs while learning, after the washout.

    $P$ has the model's precision. With inputs to the readout of the order of one, single precision takes an
    `alpha` of 0.01 and above; below, or with greater inputs, set the JAX option `jax_enable_x64`.

    ```python
    from dynplug_reservoir import ForceTrainer, Reservoir

    model = Reservoir(1, 50, input_scale=0.1, key=jax.random.key(0)) >> dp.layers.Dense(50, 1, W_initializer=0.0)
    x = np.random.default_rng(0).uniform(-1.0, 1.0, (1, 400, 1)).astype(np.float32)
    y = np.roll(x, 3, axis=1)     # what was there three steps before
    trainer = ForceTrainer(model, dt=1.0, alpha=1e-3, washout=50, logger=None)
    trainer.fit((x, y))
    assert abs(trainer.predict(x) - y)[:, 50:].mean() < 0.02
    ```

    **Arguments:**

    - `target`: the model; `trainer.target` is the trained one.
    - `dt`: the step [ms].
    - `alpha`: $\alpha$: the greater, the slower the first updates [square of the readout's inputs].
    - `every`: the steps from one update to the next.
    - `readout`: the path of a `Dense`, as `"output"`; by default the last layer of a `Sequential`, or of the one in a
        `Feedback`.
    - `washout`: the number of steps at the start of each sample that are not learnt from.
    - `loss_fun`: the measure to log as `"loss"`: the name of a registered loss, its configuration, or a function.
    - `metrics`: other measures to log: names of registered metrics, or functions.
    - `data_first_axis`: `"B"`: data are (batch, time, ...); `"T"`: (time, batch, ...).
    - `t0`: the time at step 0 [ms].
    - `seed`: of the model's random numbers.
    - `devices`: not for this trainer: it takes one sample after the other.
    - `logger`: the stream for a line per epoch; `None` for silence.

    **Raises:** `CompositionError` where the readout is no `Dense`; `UnknownPathError`; `OptionError`.

    **Reference:** Sussillo, D. & Abbott, L. F. (2009), Generating coherent patterns of activity from chaotic neural
    networks, doi:10.1016/j.neuron.2009.07.018.
    """

    alpha: float = 1.0
    every: int = 1

    def _begin(self) -> None:
        if not is_real(self.alpha) or np.ndim(self.alpha) or not 0.0 < self.alpha < np.inf:
            raise dp.errors.OptionError(f"ForceTrainer(alpha={self.alpha!r}) must be a number greater than zero.")
        if self._mesh is not None:
            raise dp.errors.OptionError(
                f"ForceTrainer(devices={self.devices!r}): samples are gone through one after the other, with the "
                "weights of the one before, so that there is nothing to share: leave out devices. RidgeTrainer takes "
                "them."
            )
        self.every = as_whole("every", self.every)
        readout = dp.lookup(self.target, self._path)
        size = readout.in_size[0] + (readout.bias is not None)
        self._P = jnp.eye(size, dtype=readout.weight.dtype) / self.alpha

    def _epochs(self, asked: int) -> int:
        return asked

    @property
    def _memory(self) -> dict[str, Array]:
        return {"P": self._P}

    @_memory.setter
    def _memory(self, memory: dict[str, Array]) -> None:
        self._P = memory["P"]

    def _learn(self, series: Series, batch_size: int | None, shared: Mapping[str, Any]) -> PyTree:
        readout = dp.lookup(self.target, self._path)
        wanted = jnp.asarray(goals(series.y, series.steps, readout.out_size[0]), readout.weight.dtype)
        learning, outputs = self._start(readout), []
        for n in range(len(series.y)):
            learner = Learner(learning, readout.bias is not None, self.washout, self.every)
            loop = dp.LoopOverTime(
                put(self.target, self._path, learner),
                dt=self.dt,
                t0=self.t0,
                shared_arg={**shared, "fit": True, _GOALS: wanted[n], _END: jnp.asarray(series.lengths[n], jnp.int32)},
            )
            one = jax.tree.map(lambda a, n=n: a[n], series.x)
            state, out = loop(one, key=self._key(FIT, self.epoch, n))
            learning = state[self._path]
            outputs.append(out)
        weight, bias = learning.weight, None
        if readout.bias is not None:
            weight, bias = weight[:, :-1], weight[:, -1]
        self.target, self._P = put(self.target, self._path, solved(readout, weight, bias)), learning.P
        return jnp.stack(outputs)

    def _start(self, readout: dp.layers.Dense) -> Learning:
        if readout.bias is None:
            return Learning(readout.weight, self._P)
        return Learning(jnp.concatenate([readout.weight, readout.bias[:, None]], axis=1), self._P)
