"""Potentials where the surrogate has a derivative."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from dynplug.diagnosis.diagnostic import Diagnostic
from dynplug.diagnosis.evidence import Evidence
from dynplug.diagnosis.finding import Finding
from dynplug.diagnosis.spiking_activity import limits


@dataclass(frozen=True)
class SurrogateSupport(Diagnostic):
    r"""The share of the potentials at which the surrogate's derivative is over 1 % of its peak.

    $$\frac{\left|\{V : \Theta'(V - V_\mathrm{th}) > 0.01\,\Theta'(0)\}\right|}{\left|\{V\}\right|} \ge \mathrm{least}$$

    over all units, steps and samples. Elsewhere a unit passes no gradient on. Potentials of steps
    with a spike, which are reset, are left out, and so are models with an upstroke of their own, such as Hodgkin and
    Huxley's, in which a spike is not decided at the threshold: they have no resistance `R`.

    ```python
    narrow = dp.surrogates.Triangle(width=0.1)
    model = dp.layers.Dense(4, 8, key=jax.random.key(0)) >> dp.neurons.LIF(8, surrogate=narrow)
    x, y = np.zeros((16, 50, 4), np.float32), np.zeros(16, np.int32)     # potentials stay 1 mV below the threshold
    found = dp.diagnose(model, (x, y), loss_fun="cross_entropy", dt=1.0, checks=["SurrogateSupport"])
    assert found.warnings == ["SurrogateSupport"]
    ```

    **Arguments:**

    - `least`: the share below which it is a warning [-].

    **Reference:** Zenke, F. & Vogels, T. P. (2021), The remarkable robustness of surrogate gradient learning,
    doi:10.1162/neco_a_01367.
    """

    least: float = 0.01

    def examine(self, evidence: Evidence) -> Iterable[Finding]:
        """One finding for each spiking part with a surrogate and a threshold."""
        for path, seen in evidence.activity.populations.items():
            share = float(seen.support)
            if not np.isfinite(share) or "R" not in limits(evidence.model, path):
                continue
            what = f"{share:.3g} of the potentials lie within the support of the surrogate"
            advice = (
                "The gradient is lost elsewhere: make the surrogate wider (a smaller slope, in 1/mV), or bring the "
                f"potentials, {float(seen.mean):.3g} ± {float(seen.std):.3g} mV, nearer to the threshold."
            )
            low = share < self.least
            yield Finding("warning" if low else "ok", path, what, advice if low else "", {"support": share})
