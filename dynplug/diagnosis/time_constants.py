"""Time constants beside the step."""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from dynplug.core import STEPWISE, DynamicalSystem, nodes
from dynplug.diagnosis.diagnostic import Diagnostic
from dynplug.diagnosis.evidence import Evidence
from dynplug.diagnosis.finding import Finding

_ROUNDING = 1e-6


@dataclass(frozen=True)
class TimeConstants(Diagnostic):
    r"""Time constants that are shorter than the step, or so long that nothing moves: most often not in ms.

    $$\frac{\Delta t}{\tau} > 1 \qquad\text{or}\qquad \frac{\Delta t}{\tau} < \mathrm{least} \ \text{ and }\ \tau > T$$

    with the duration $T$ of a sample: a fine step alone is no fault. The first holds for each of a part's time
    constants, the second for the one that is called `tau`: an adaptation may be slow.

    ```python
    model = dp.layers.Dense(4, 8, key=jax.random.key(0)) >> dp.neurons.LIF(8, tau=0.02)     # in seconds, by mistake
    x, y = np.ones((16, 50, 4), np.float32), np.zeros(16, np.int32)
    found = dp.diagnose(model, (x, y), loss_fun="cross_entropy", dt=1.0, checks=["TimeConstants"])
    assert found.warnings == ["TimeConstants"]
    ```

    **Arguments:**

    - `least`: the step in time constants below which these must at least be shorter than the sample [-].

    **Reference:** Gerstner, W. et al. (2014), Neuronal Dynamics, section 1.3, doi:10.1017/CBO9781107447615.
    """

    least: float = 1e-3

    def examine(self, evidence: Evidence) -> Iterable[Finding]:
        """One finding for each part whose time constants do not fit."""
        dt = evidence.dt
        if evidence.timeless:
            return
        known = {
            f"{path}.{name}".lstrip("."): tau
            for path, part in nodes(evidence.model).items()
            for name, tau in _all(part)
        }
        wrong = False
        for where, tau in known.items():
            numbers = {"tau": tau, "dt": dt}
            if dt / tau > 1 + _ROUNDING:
                wrong, advice = (
                    True,
                    "Is it in seconds? Times are in ms. Otherwise dt is too great.",
                )
                yield Finding("warning", where, f"{tau:.4g} ms is shorter than the step, {dt:g} ms", advice, numbers)
            elif where.rpartition(".")[2] == "tau" and dt / tau < self.least and tau > evidence.duration:
                wrong, advice = True, "Is it in µs, or dt in seconds? Times are in ms. Nothing moves within a sample."
                what = f"{tau:.4g} ms is longer than a sample, {evidence.duration:.4g} ms in steps of {dt:g} ms"
                yield Finding("warning", where, what, advice, numbers)
        if known and not wrong:
            least, most = dt / max(known.values()), dt / min(known.values())
            yield Finding("ok", "", f"dt/tau from {least:.3g} to {most:.3g}", numbers={"least": least, "most": most})


def _all(system: DynamicalSystem) -> Iterable[tuple[str, float]]:
    """The shortest of each of a system's time constants, by name [ms]."""
    if not dataclasses.is_dataclass(system):
        return
    for field in dataclasses.fields(system):
        value = getattr(system, field.name)
        if field.name.startswith("tau") and not field.metadata.get(STEPWISE) and value is not None:
            taus = np.asarray(value)
            if taus.dtype.kind == "f" and taus.size and taus.min() > 0:
                yield field.name, float(taus.min())
