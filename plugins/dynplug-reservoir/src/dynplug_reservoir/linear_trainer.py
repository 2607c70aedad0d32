"""Least squares."""

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from dynplug_reservoir.offline_trainer import OfflineTrainer


@dataclass(repr=False, eq=False, kw_only=True)
class LinearTrainer(OfflineTrainer):
    r"""Solve for a readout by least squares: the least $\|Y - XW\|^2$, and of all such $W$ the smallest.

    $$W = X^+ Y$$

    $X$ holds what the readout receives, $Y$ the targets, $X^+$ is the pseudoinverse.

    As `RidgeTrainer` without a penalty. Where the model computes in single precision, so that nearly collinear inputs
    differ by rounding alone, a small penalty generalises better.

    ```python
    from dynplug_reservoir import LinearTrainer, NVAR

    features = NVAR(1, delay=2, order=2)
    model = features >> dp.layers.Dense(*features.out_size, 1, W_initializer=0.0)
    x = np.random.default_rng(0).uniform(-1.0, 1.0, (1, 100, 1)).astype(np.float32)
    y = x * np.roll(x, 1, axis=1)     # a product of two of its inputs
    trainer = LinearTrainer(model, dt=1.0, washout=1, logger=None)
    trainer.fit((x, y))
    assert np.allclose(trainer.predict(x)[:, 1:], y[:, 1:], atol=1e-4)
    ```

    **Arguments:**

    - `target`: the model; `trainer.target` is the trained one.
    - `dt`: the step [ms].
    - `readout`: the path of a `Dense`, as `"output"`; by default the last layer of a `Sequential`.
    - `washout`: the number of steps at the start of each sample that are not learnt from.
    - `loss_fun`: the measure to log as `"loss"`: the name of a registered loss, its configuration, or a function.
    - `metrics`: other measures to log: names of registered metrics, or functions.
    - `data_first_axis`: `"B"`: data are (batch, time, ...); `"T"`: (time, batch, ...).
    - `t0`: the time at step 0 [ms].
    - `seed`: of the model's random numbers.
    - `devices`: the devices that share the samples of a run, as for `BPTT`; the solution is computed on the host.
    - `logger`: the stream for a line per epoch; `None` for silence.

    **Raises:** `CompositionError` where the readout is no `Dense`, or fed back; `UnknownPathError`; `OptionError`.

    **Reference:** Lukoševičius, M. & Jaeger, H. (2009), Reservoir computing approaches to recurrent neural network
    training, doi:10.1016/j.cosrev.2009.03.005.
    """

    def _check(self) -> None:
        pass

    def _solve(self, X: np.ndarray, Y: np.ndarray) -> np.ndarray:
        solution = scipy.linalg.lstsq(X, Y)
        assert solution is not None
        return solution[0]
