"""Currents in another unit."""

from collections.abc import Iterable
from dataclasses import dataclass

import jax
import numpy as np

from dynplug.core import DynamicalSystem, Neuron, Sequential
from dynplug.diagnosis.diagnostic import Diagnostic
from dynplug.diagnosis.evidence import Evidence
from dynplug.diagnosis.finding import Finding
from dynplug.diagnosis.spiking_activity import limits
from dynplug.layers import Recurrent

_HIGH = 99.0  # the percentile of an input that counts


@dataclass(frozen=True)
class Currents(Diagnostic):
    r"""Currents that look as if they were in pA: they would lead the potential far beyond its threshold.

    $$R\,|I| > \mathrm{most}\,(V_\mathrm{th} - V_\mathrm{rest}) \qquad\text{or}\qquad
    |\bar V - V_\mathrm{rest}| > \mathrm{most}\,(V_\mathrm{th} - V_\mathrm{rest})$$

    with the current $I$ of all but the greatest 1 % of the inputs, where these are the currents of a population, and
    the mean potential $\bar V$ of each population with a threshold.

    ```python
    x, y = np.full((16, 50, 8), 300.0, np.float32), np.zeros(16, np.int32)     # in pA, by mistake
    model = dp.neurons.LIF(8) >> dp.layers.Dense(8, 2, key=jax.random.key(0))
    found = dp.diagnose(model, (x, y), loss_fun="cross_entropy", dt=1.0, checks=["Currents"])
    assert found.of("Currents")[0].numbers["driven"] == 300.0     # [mV] from rest
    ```

    **Arguments:**

    - `most`: the greatest potential, in distances from rest to threshold, that is no warning [-].

    **Reference:** Gerstner, W. et al. (2014), Neuronal Dynamics, section 1.3, doi:10.1017/CBO9781107447615.
    """

    most: float = 100.0

    def examine(self, evidence: Evidence) -> Iterable[Finding]:
        """One finding for each population that is driven too far."""
        entry = _entry(evidence.model)
        for path, seen in evidence.activity.populations.items():
            known = limits(evidence.model, path)
            if not {"V_th", "V_rest"} <= known.keys():
                continue
            range_ = float(np.max(known["V_th"] - known["V_rest"]))
            driven = abs(float(seen.mean) - float(np.mean(known["V_rest"])))
            if path == entry and "R" in known:
                currents = [np.abs(np.asarray(x, float)) for x in jax.tree.leaves(evidence.inputs) if np.size(x)]
                R = float(np.max(np.abs(known["R"])))
                driven = max([driven, *(R * float(np.percentile(x, _HIGH)) for x in currents)])
            if range_ > 0 and driven > self.most * range_:
                what = f"the input alone leads {driven:.3g} mV from rest, {driven / range_:.3g} times to the threshold"
                advice = "Is the current in pA? Currents are in nA, R in MΩ: divide it by 1000, or normalise the data."
                yield Finding("warning", path, what, advice, {"driven": driven})


def _entry(model: DynamicalSystem, path: str = "") -> str | None:
    """The population that the model's input reaches as a current, if there is one."""
    if isinstance(model, Neuron):
        return path
    if isinstance(model, Recurrent):
        return _entry(model.system, f"{path}.system".lstrip("."))
    if isinstance(model, Sequential) and len(model):
        name, first = model.named_children()[0]
        return _entry(first, f"{path}.{name}".lstrip("."))
    return None
