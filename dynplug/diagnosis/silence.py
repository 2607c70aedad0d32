"""Units that never spike, or always."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from dynplug.diagnosis.diagnostic import Diagnostic
from dynplug.diagnosis.evidence import Evidence
from dynplug.diagnosis.finding import Finding
from dynplug.diagnosis.spiking_activity import Population, limits


@dataclass(frozen=True)
class Silence(Diagnostic):
    r"""Units that are silent or saturated, and the input that would reach their threshold.

    $$\frac 1n \left|\{k : r_k = 0\}\right| \ge \mathrm{most} \qquad\text{or}\qquad
    \frac 1n \left|\{k : r_k > \mathrm{often}\}\right| \ge \mathrm{most}$$

    with $r_k$ the share of all steps of all samples in which unit $k$ of a part spiked. Where the threshold is known,
    the factor by which the input is too small is
    $(V_\mathrm{th} - V_\mathrm{rest}) / (V_\mathrm{max} - V_\mathrm{rest})$.

    ```python
    model = dp.layers.Dense(4, 8, key=jax.random.key(0)) >> dp.neurons.LIF(8)
    x, y = np.zeros((16, 50, 4), np.float32), np.zeros(16, np.int32)     # no input
    found = dp.diagnose(model, (x, y), loss_fun="cross_entropy", dt=1.0, checks=["Silence"])
    assert found.of("Silence")[0].numbers["silent"] == 1.0     # the share of the units
    ```

    **Arguments:**

    - `often`: the share of the steps above which a unit counts as saturated [-].
    - `most`: the share of the units of a part from which on it is a warning [-].

    **Reference:** Rossbroich, J., Gygax, J. & Zenke, F. (2022), Fluctuation-driven initialization for spiking neural
    network training, doi:10.1088/2634-4386/ac97bb.
    """

    often: float = 0.9
    most: float = 0.9

    def examine(self, evidence: Evidence) -> Iterable[Finding]:
        """One finding for each spiking part."""
        for path, seen in evidence.activity.populations.items():
            silent, saturated = seen.silent, seen.saturated(self.often)
            rate = float(np.mean(seen.share)) / evidence.dt
            numbers = {"silent": silent, "saturated": saturated, "rate": rate}
            what = f"{silent:.0%} of the units silent, {saturated:.0%} saturated, mean rate {rate:.3g} kHz"
            if silent >= self.most:
                yield Finding("warning", path, what, _louder(evidence, path, seen), numbers)
            elif saturated >= self.most:
                advice = (
                    f"They spike in over {self.often:.0%} of the steps: make the weights or the input smaller; a "
                    "current meant in pA is 1000 times too large in nA."
                )
                yield Finding("warning", path, what, advice, numbers)
            else:
                yield Finding("ok", path, what, numbers=numbers)


def _louder(evidence: Evidence, path: str, seen: Population) -> str:
    """Advice on making the units spike."""
    known = limits(evidence.model, path)
    said = "No gradient leaves a silent unit but through its surrogate: make the weights or the input greater."
    if not {"V_th", "V_rest"} <= known.keys() or not np.isfinite(seen.highest):
        return said
    least, rest = float(np.min(known["V_th"])), float(np.max(known["V_rest"]))
    rise, range_ = float(seen.highest) - rest, least - rest
    reached = f" The potential came up to {float(seen.highest):.3g} mV, the threshold is {least:.3g} mV"
    if rise > 1e-6 * range_:
        said += f"{reached}: the input must be some {range_ / rise:.3g} times as great."
    else:
        said += f"{reached}: the input does not excite."
    if "R" in known and float(np.max(known["R"])) > 0:
        said += f" A constant current reaches it above {range_ / float(np.max(known['R'])):.3g} nA."
    return said
