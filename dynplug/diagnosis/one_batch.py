"""A diagnostic that overfits the model to one batch."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from dynplug.diagnosis.diagnostic import Diagnostic
from dynplug.diagnosis.evidence import Evidence
from dynplug.diagnosis.finding import Finding


@dataclass(frozen=True)
class OneBatch(Diagnostic):
    r"""Tests whether the loss falls in a short training on this batch alone, by the trainer's optimizer.

    $$\frac{L_0 - \min_k L_k}{|L_0|} \ge \mathrm{least}$$

    It runs where it was asked for, by the number of steps $k$: `dp.diagnose(..., overfit=100)`.

    ```python
    x, y = np.ones((16, 50, 4), np.float32), np.zeros(16, np.int32)
    found = dp.diagnose(dp.layers.Dense(4, 2, key=jax.random.key(0)), (x, y), loss_fun="cross_entropy", dt=1.0,
                        checks=["OneBatch"], overfit=20, optimizer=optax.sgd(0.1))
    assert found.ok     # it learns these samples
    ```

    **Arguments:**

    - `least`: the fall below which it is a warning [-].

    **Reference:** Zhang, C. et al. (2017), Understanding deep learning requires rethinking generalization,
    arXiv:1611.03530.
    """

    least: float = 0.02

    def examine(self, evidence: Evidence) -> Iterable[Finding]:
        """One finding, if `overfit` was asked for."""
        losses = evidence.overfitted
        if losses is None or not np.isfinite(losses).all():
            return
        first, best = float(losses[0]), float(np.min(losses))
        fall = (first - best) / abs(first) if first else 1.0
        what = f"{len(losses)} steps on this batch alone took the loss from {first:.4g} to {best:.4g}"
        advice = (
            "A model that cannot learn one batch by heart learns nothing: look at the findings above, at the learning "
            "rate, and whether samples with equal inputs have different targets."
        )
        low = fall < self.least
        yield Finding("warning" if low else "ok", "", what, advice if low else "", {"first": first, "best": best})
