"""The gradient from step to step."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from dynplug.diagnosis.diagnostic import Diagnostic
from dynplug.diagnosis.evidence import Evidence
from dynplug.diagnosis.finding import Finding

_FEWEST = 10  # steps, with fewer of which nothing is said
_LOST = 1e-6  # of the greatest: what an addition in float32 keeps only a digit of


@dataclass(frozen=True)
class TimeGradients(Diagnostic):
    r"""Gradients that vanish, explode or are cut off on their way back through time.

    $$\lambda_i = \mathrm{rms}\ \frac{\partial L}{\partial s_i}, \qquad
    \mathrm{reach} = n - \min\{i : \lambda_i \ge 10^{-6} \max_j \lambda_j\}$$

    with the states $s_i$ before each of $n$ steps. It is a warning if the reach is less than a tenth of the steps, or,
    where $\lambda$ does not fade but ends, less than half; and if $\lambda$ is in the first tenth `ratio` times as
    great as in the last.

    ```python
    model = dp.layers.Dense(4, 8, key=jax.random.key(0)) >> dp.neurons.LeakyIntegrator(8, tau=1.0)
    x, y = np.ones((16, 200, 4), np.float32), np.zeros(16, np.int32)
    last = {"type": "cross_entropy", "reduce_time": "last"}
    found = dp.diagnose(model, (x, y), loss_fun=last, dt=1.0, checks=["TimeGradients"])
    assert found.warnings == ["TimeGradients"]     # tau reaches back some 14 of 200 ms
    ```

    **Arguments:**

    - `ratio`: the greatest growth that is no warning [-].

    **Reference:** Pascanu, R., Mikolov, T. & Bengio, Y. (2013), On the difficulty of training recurrent neural
    networks, arXiv:1211.5063.
    """

    ratio: float = 1e6

    def examine(self, evidence: Evidence) -> Iterable[Finding]:
        """One finding for the model, if it has a state that its loss depends on."""
        by_path = evidence.backward.steps if evidence.backward else {}
        sizes = np.array([np.asarray(a, float) for a in by_path.values()])
        count = sizes.shape[-1]
        if count < _FEWEST or not np.isfinite(sizes).all() or not sizes.any():
            return
        size = np.sqrt((sizes**2).sum(0))
        first = int(np.argmax(size >= _LOST * size.max()))
        reach, tenth = count - first, max(1, count // 10)
        early, late = float(np.median(size[:tenth])), float(np.median(size[-tenth:]))
        numbers = {"reach": reach * evidence.dt, "growth": early / late if late > 0 else float("inf")}
        what = f"reaches back {reach * evidence.dt:.4g} of {evidence.duration:.4g} ms"
        if first > 0 and size[first - 1] == 0 and reach < count / 2:
            advice = (
                "It does not fade, it ends: look for a stop_gradient, a state that starts anew, an integer, or "
                "truncate=..., where the gradient should go on."
            )
            yield Finding("warning", "", f"cut off; {what}", advice, numbers)
        elif reach < count / 10:
            advice = (
                "What happened earlier cannot be learned: take longer time constants, adaptation or gates, or a loss "
                "that reads all steps (reduce_time='mean')."
            )
            yield Finding("warning", "", f"vanishes; {what}", advice, numbers)
        elif early > self.ratio * late > 0:
            advice = (
                "It explodes on its way back: make recurrent weights smaller, lower the peak of surrogates, clip it "
                "(optax.clip_by_global_norm), or cut time (truncate=...)."
            )
            yield Finding("warning", "", f"explodes, by {numbers['growth']:.3g}; {what}", advice, numbers)
        else:
            yield Finding("ok", "", what, numbers=numbers)
