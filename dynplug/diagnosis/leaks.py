"""State that leaks from sample to sample, or from run to run."""

from collections.abc import Iterable
from dataclasses import dataclass

import jax
import numpy as np
from jaxtyping import PyTree

from dynplug.core import DynamicalSystem, nodes
from dynplug.diagnosis.diagnostic import Diagnostic
from dynplug.diagnosis.evidence import Evidence
from dynplug.diagnosis.finding import Finding

_MANY = 0.25  # the share of samples from which on it is no rounding that a threshold has made great


@dataclass(frozen=True)
class Leaks(Diagnostic):
    r"""Samples that depend on each other, or runs on the run before.

    $$f(x_{\pi(1)}, \dots, x_{\pi(n)})_k = f(x_1, \dots, x_n)_{\pi(k)}, \qquad
    f(x_1, \dots, x_k, x'_{k+1}, \dots)_j = f(x_1, \dots, x_n)_j \ \text{ for } j \le k, \qquad f(x) = f(x)$$

    A permuted batch gives permuted outputs, which is left out where samples have random numbers of their own; other
    samples in the second half change nothing in the first, which is left out where a part has statistics of the batch
    and means it; and the same batch gives the same again.

    ```python
    model = dp.layers.Dense(4, 8, key=jax.random.key(0)) >> dp.neurons.LIF(8)
    x, y = np.ones((16, 50, 4), np.float32), np.zeros(16, np.int32)
    found = dp.diagnose(model, (x, y), loss_fun="cross_entropy", dt=1.0, checks=["Leaks"])
    assert found.ok     # samples do not depend on each other
    ```

    **Arguments:**

    - `tolerance`: the greatest difference, in the greatest output, that is rounding [-].

    **Reference:** Ioffe, S. & Szegedy, C. (2015), Batch normalization: accelerating deep network training by reducing
    internal covariate shift, arXiv:1502.03167, on samples that depend on their batch.
    """

    tolerance: float = 1e-3

    def examine(self, evidence: Evidence) -> Iterable[Finding]:
        """One finding for each kind of leak, or one that there is none."""
        back, again, x = evidence.backward, evidence.again, evidence.inputs
        if back is None or again is None:
            return
        count = jax.tree.leaves(x)[0].shape[1]
        half, meant = count // 2, _has_statistics_of_batches(evidence.model)
        found = []
        if self._differ(back.outputs, again(x)):
            advice = "Something outside of the state remembers: a global, a counter, a callback. Put it into the state."
            found.append(Finding("warning", "", "the same batch gives other outputs the second time", advice))
        elif half:
            others = jax.tree.map(lambda a: np.concatenate([a[:, :half], np.zeros_like(a[:, half:])], 1), x)
            if not meant and self._differ(_samples(back.outputs, slice(half)), _samples(again(others), slice(half))):
                advice = (
                    "A part reads the batch, as a normalisation over it does: a system sees one sample. Normalise "
                    "within a sample (equinox.nn.LayerNorm), or by a layer that keeps statistics for predictions "
                    "(dp.layers.TDBatchNorm)."
                )
                found.append(Finding("warning", "", "outputs depend on other samples of the batch", advice))
            order = slice(None, None, -1)
            permuted = jax.tree.map(lambda a: np.ascontiguousarray(a[:, order]), x)
            if evidence.deterministic and self._differ(_samples(back.outputs, order), again(permuted)):
                advice = "A part knows the place of a sample in the batch: let samples differ by their inputs alone."
                found.append(Finding("warning", "", "a permuted batch does not give permuted outputs", advice))
        sound = f"samples and runs are independent{', but for statistics of the batch' if meant else ''}"
        yield from found or [Finding("ok", "", sound)]

    def _differ(self, one: PyTree, other: PyTree) -> bool:
        """Whether many samples differ beyond rounding; where something is NaN, nothing is said."""
        for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
            a, b = np.asarray(a, float), np.asarray(b, float)
            scale = np.abs(a).max(initial=0.0)
            axes = (0, *range(2, a.ndim))
            if np.isfinite(scale) and (np.abs(a - b).max(axes, initial=0.0) > self.tolerance * scale).mean() > _MANY:
                return True
        return False


def _has_statistics_of_batches(model: DynamicalSystem) -> bool:
    """Whether a part learns from batches what it then predicts by; see `dynplug.core.statistic`."""
    return any(hasattr(node, "learned") or hasattr(node, "settle") for node in nodes(model).values())


def _samples(outputs: PyTree, rows: slice) -> PyTree:
    return jax.tree.map(lambda a: np.asarray(a)[:, rows], outputs)
