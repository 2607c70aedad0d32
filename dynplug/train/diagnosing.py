"""The diagnosis of a model that has no trainer yet."""

from collections.abc import Sequence
from typing import Any

from jaxtyping import PyTree

from dynplug.diagnosis import Diagnosis
from dynplug.errors import OptionError
from dynplug.train.bptt import BPTT


def diagnose(
    model: PyTree,
    batch: PyTree,
    *,
    loss_fun: object = None,
    dt: float | None = None,
    checks: Sequence[Any] | None = None,
    samples: int | None = 32,
    overfit: int | None = None,
    **options: Any,
) -> Diagnosis:
    r"""Diagnose a model by one forward and one backward pass of a batch.

    $$\frac{\partial L}{\partial \theta}, \qquad \frac{\partial L}{\partial s_i}, \qquad s_i$$

    with parameters $\theta$ and the states $s_i$ before each step, are what the registered diagnostics look at.
    `print` it: each line is a finding, with a sentence of advice. `ok` says whether there is no warning. Nothing is
    trained.

    ```python
    model = dp.layers.Dense(4, 8, key=jax.random.key(0)) >> dp.neurons.LIF(8, tau=20.0)
    x, y = np.ones((16, 50, 4), np.float32), np.zeros(16, np.int32)     # (samples, time, features), classes
    found = dp.diagnose(model, (x, y), loss_fun="cross_entropy", dt=1.0)
    print(found)
    found.warnings                                                      # the names of the diagnostics that warn
    ```

    **Arguments:**

    - `model`: the model.
    - `batch`: a tuple (x, y) as for `BPTT.fit`.
    - `loss_fun`: the loss, as for `BPTT`.
    - `dt`: the step [ms].
    - `checks`: diagnostics: names, configurations or instances; `None` for all that are registered.
    - `samples`: of how many samples, at most, everything is recorded; `None` for all.
    - `overfit`: for how many steps a copy learns the batch, to see whether it can; `None` for none.
    - `options`: other arguments of `BPTT`, such as `optimizer`, `data_first_axis` and `remat`.

    **Raises:** `OptionError` without a loss or a step; as `BPTT`, and as `BPTT.diagnose`.

    **Reference:** Rossbroich, J., Gygax, J. & Zenke, F. (2022), Fluctuation-driven initialization for spiking neural
    network training, doi:10.1088/2634-4386/ac97bb.
    """
    if loss_fun is None:
        raise OptionError("diagnose needs loss_fun, whose gradient is looked at: the name of a loss, or a function.")
    if dt is None:
        raise OptionError("diagnose needs dt, the step [ms].")
    trainer = BPTT(model, loss_fun, dt=dt, **{"logger": None, "progress_bar": False, **options})
    return trainer.diagnose(batch, checks=checks, samples=samples, overfit=overfit)
