"""Time constants beside the step."""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from dynplug.core import STEPWISE, nodes
from dynplug.diagnosis.diagnostic import Diagnostic
from dynplug.diagnosis.evidence import Evidence
from dynplug.diagnosis.finding import Finding

_ROUNDING = 1e-6


@dataclass(frozen=True)
class TimeConstants(Diagnostic):
    r"""Time constants that are shorter than the step, or so long that nothing moves: most often not in ms.

    $$\frac{\Delta t}{\tau} > 1 \qquad\text{or}\qquad \frac{\Delta t}{\tau_\mathrm{min}} < \mathrm{least}
    \ \text{ and }\ \tau_\mathrm{min} > T$$

    with $\tau_\mathrm{min}$ the shortest of a part's time constants, and the duration $T$ of a sample: a fine step
    alone is no fault.

    **Arguments:**

    - `least`: the step in time constants below which these must at least be shorter than the sample [-].

    **Reference:** Gerstner, W. et al. (2014), Neuronal Dynamics, section 1.3, doi:10.1017/CBO9781107447615.
    """

    least: float = 1e-3

    def examine(self, evidence: Evidence) -> Iterable[Finding]:
        """One row for each part whose time constants do not fit."""
        dt = evidence.dt
        if evidence.timeless:
            return
        fastest: list[float] = []
        for path, system in nodes(evidence.model).items():
            known = _time_constants(system)
            if not known:
                continue
            name = min(known, key=lambda name: known[name])
            tau = known[name]
            fastest.append(tau)
            where, numbers = f"{path}.{name}".lstrip("."), {"tau": tau, "dt": dt}
            if dt / tau > 1 + _ROUNDING:
                advice = "Is it in seconds? Times are in ms. Otherwise take a smaller dt: within a step it is over."
                yield Finding("warning", where, f"{tau:.4g} ms is shorter than the step, {dt:g} ms", advice, numbers)
            elif dt / tau < self.least and tau > evidence.duration:
                advice = "Is it in µs, or dt in seconds? Times are in ms. Nothing moves within a sample."
                what = f"{tau:.4g} ms is longer than a sample, {evidence.duration:.4g} ms in steps of {dt:g} ms"
                yield Finding("warning", where, what, advice, numbers)
        if fastest and all(tau >= dt and not (dt / tau < self.least and tau > evidence.duration) for tau in fastest):
            yield Finding("ok", "", f"dt/tau from {dt / max(fastest):.3g} to {dt / min(fastest):.3g}")


def _time_constants(system: Any) -> dict[str, float]:
    """The shortest of each of a system's time constants, by name [ms]."""
    if not dataclasses.is_dataclass(system):
        return {}
    fields = [f for f in dataclasses.fields(system) if f.name.startswith("tau") and not f.metadata.get(STEPWISE)]
    values = {f.name: np.asarray(getattr(system, f.name)) for f in fields if getattr(system, f.name) is not None}
    return {name: float(a.min()) for name, a in values.items() if a.dtype.kind == "f" and a.size and a.min() > 0}
