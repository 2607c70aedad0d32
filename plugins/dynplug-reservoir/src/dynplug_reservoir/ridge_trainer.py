"""Ridge regression."""

from dataclasses import dataclass

import numpy as np
import scipy.linalg

import dynplug as dp
from dynplug.core import is_real
from dynplug_reservoir.offline_trainer import OfflineTrainer

_SOLVERS = ("svd", "cholesky")


@dataclass(repr=False, eq=False, kw_only=True)
class RidgeTrainer(OfflineTrainer):
    r"""Solve for a readout by ridge regression: the least $\|Y - XW\|^2 + \alpha \|W\|^2$, in closed form.

    $$W = (X^\top X + \alpha \mathbb 1)^{-1} X^\top Y$$

    $X$ holds what the readout receives at every step of every sample after the washout, $Y$ the targets. All is
    computed in double precision on the host; what the model computes, and the solution, have the model's precision. A
    bias is not penalised. The rest of the model stays as it is, also what follows the readout: targets are the
    readout's own. What is logged is measured after the washout.

    ```python
    from dynplug_reservoir import Reservoir, RidgeTrainer

    model = Reservoir(1, 50, input_scale=0.1, key=jax.random.key(0)) >> dp.layers.Dense(50, 1, W_initializer=0.0)
    x = np.random.default_rng(0).uniform(-1.0, 1.0, (1, 400, 1)).astype(np.float32)
    y = np.roll(x, 3, axis=1)     # what was there three steps before
    trainer = RidgeTrainer(model, dt=1.0, alpha=1e-6, washout=50, logger=None)
    trainer.fit((x, y))
    assert abs(trainer.predict(x) - y)[:, 50:].mean() < 0.02
    ```

    **Arguments:**

    - `target`: the model; `trainer.target` is the trained one.
    - `dt`: the step [ms].
    - `alpha`: $\alpha$, a sum over rows, not a mean [square of the readout's inputs].
    - `solver`: `"svd"`, which is exact also where inputs are nearly collinear; or `"cholesky"`, the normal equations,
        which is faster.
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

    **Reference:** Hoerl, A. E. & Kennard, R. W. (1970), Ridge regression: biased estimation for nonorthogonal problems,
    doi:10.1080/00401706.1970.10488634.
    """

    alpha: float = 1e-6
    solver: str = "svd"

    def _check(self) -> None:
        if not is_real(self.alpha) or np.ndim(self.alpha) or not 0.0 <= self.alpha < np.inf:
            raise dp.errors.OptionError(f"RidgeTrainer(alpha={self.alpha!r}) must be a number, zero or greater.")
        if self.solver not in _SOLVERS:
            raise dp.errors.OptionError(f"solver={self.solver!r}: it is 'svd' or 'cholesky'.")

    def _solve(self, X: np.ndarray, Y: np.ndarray) -> np.ndarray:
        if self.solver == "svd":
            return _by_svd(X, Y, self.alpha)
        try:
            factor = scipy.linalg.cho_factor(X.T @ X + self.alpha * np.eye(X.shape[1]))
        except np.linalg.LinAlgError as error:
            raise dp.errors.OptionError(
                f"RidgeTrainer(alpha={self.alpha}) is too small for solver='cholesky' on these data: take 'svd'."
            ) from error
        return scipy.linalg.cho_solve(factor, X.T @ Y)


def _by_svd(X: np.ndarray, Y: np.ndarray, alpha: float) -> np.ndarray:
    """The solution by singular values; without a penalty those that are zero but for rounding count as zero."""
    U, s, Vt = scipy.linalg.svd(X, full_matrices=False)
    cut = np.finfo(s.dtype).eps * max(X.shape) * s.max(initial=0.0)
    gain = np.divide(s, s**2 + alpha, out=np.zeros_like(s), where=(s > cut) | (alpha > 0.0))
    return Vt.T @ (gain[:, None] * (U.T @ Y))
