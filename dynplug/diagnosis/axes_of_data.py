"""Axes of the data that were exchanged."""

from collections.abc import Iterable
from dataclasses import dataclass

import jax
import numpy as np

from dynplug.diagnosis.diagnostic import Diagnostic
from dynplug.diagnosis.evidence import Evidence
from dynplug.diagnosis.finding import Finding

_FEWEST = 8  # steps, samples or features, with fewer of which a correlation says nothing


@dataclass(frozen=True)
class Axes(Diagnostic):
    r"""Inputs whose axis of time looks like another one: of the samples, where these are more, or of as many features.

    $$\rho_a = \mathrm{corr}(x_k, x_{k+1}) - \mathrm{corr}(x_k, x_l), \qquad
    \rho_a > \mathrm{excess} \quad\text{and}\quad \rho_a > 2\,\mathrm{corr}(x_i, x_{i+1})$$

    with neighbours $k$, $k + 1$ along the axis $a$, any two $k$, $l$ along it, and neighbours $i$, $i + 1$ in time:
    values change slowly in time, and samples come in no order. Sizes alone prove nothing.

    ```python
    model = dp.layers.Dense(4, 8, key=jax.random.key(0)) >> dp.neurons.LIF(8)
    walk = np.random.default_rng(0).normal(size=(30, 10, 4)).cumsum(0)     # (time, samples, features), by mistake
    x, y = walk.astype(np.float32), np.zeros(30, np.int32)
    found = dp.diagnose(model, (x, y), loss_fun="cross_entropy", dt=1.0, checks=["Axes"])
    assert found.warnings == ["Axes"]
    ```

    **Arguments:**

    - `excess`: the correlation of neighbours, beyond that of any two, that looks like time [-].

    **Reference:** Box, G. E. P. & Jenkins, G. M. (1970), Time series analysis: forecasting and control, Holden-Day.
    """

    excess: float = 0.3

    def examine(self, evidence: Evidence) -> Iterable[Finding]:
        """One finding for the inputs, if they have a time axis."""
        if evidence.timeless:
            return
        for x in map(np.asarray, jax.tree.leaves(evidence.inputs)):
            time, batch, *features = x.shape
            sizes = f"{time} steps, {batch} samples, {tuple(features)} features"
            swapped = [("samples", 1)] if time < batch else []
            swapped += [("features", 2)] if features[:1] == [time] and len(features) == 1 else []
            suspect = [name for name, axis in swapped if min(time, x.shape[axis]) >= _FEWEST and self._is_time(x, axis)]
            if not suspect:
                yield Finding("ok", "input", sizes, numbers={"shape": x.shape})
            for name in suspect:
                advice = (
                    f"Along the {name} neighbours are alike, along time they are not: are the two exchanged? Data are "
                    "(samples, time, features), or with data_first_axis='T' (time, samples, features)."
                )
                yield Finding(
                    "warning", "input", f"{sizes}; the axis of {name} looks like time", advice, {"axis": name}
                )

    def _is_time(self, x: np.ndarray, axis: int) -> bool:
        x = x.astype(float) - x.mean(axis=(0, 1) if axis == 1 else None, dtype=float)
        lags = {max(2, x.shape[axis] // part) for part in (4, 3, 2)}  # some, as one may be a period
        found = _correlation(x, axis, 1) - min(_correlation(x, axis, lag) for lag in lags)
        return found > self.excess and found > 2 * _correlation(x, 0, 1)


def _correlation(x: np.ndarray, axis: int, lag: int) -> float:
    """The correlation of values with those `lag` further along an axis."""
    x = np.moveaxis(x, axis, 0)
    one, other = x[:-lag].ravel(), x[lag:].ravel()
    power = np.sqrt((one**2).sum() * (other**2).sum())
    return float((one * other).sum() / power) if power > 0 else 0.0
