"""A scale of weights at which a population spikes at a given rate."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jax.typing import ArrayLike

from dynplug.core import nodes, variables
from dynplug.diagnosis.diagnostic import Diagnostic
from dynplug.diagnosis.evidence import Evidence
from dynplug.diagnosis.finding import Finding
from dynplug.diagnosis.spiking_activity import Activity, Population, limits, part

INPUT = "input"
_OFTEN = 0.9  # of the steps: saturated
_NEAR = 0.5  # of the rate: a factor that leads no nearer, as where all units spike together, is not suggested
_DOUBLINGS, _HALVINGS = 40, 30


@dataclass(frozen=True)
class InitialScale(Diagnostic):
    r"""The factor for the weights before a silent or saturated population at which it spikes at a target rate.

    $$c_0 = \frac{V_\mathrm{th} - V_\mathrm{rest}}{\mu + \xi \sigma}, \qquad
    \nu = \frac{1}{2 \pi \tau}\,e^{-\xi^2 / 2}$$

    is the first guess: with mean $\mu$ and fluctuations $\sigma$ of the potential above rest, the threshold lies $\xi$
    standard deviations away where a Gaussian process with time constant $\tau$ crosses it at the rate $\nu$. From there
    the factor is found by bisection, with passes of the same program. Populations are taken in the order of the model,
    each with those before it as they were left; where no weights come before the first, the input is to be scaled.

    ```python
    model = dp.layers.Dense(4, 8, W_initializer=0.01) >> dp.neurons.LIF(8)     # weights that are too small
    x, y = np.random.default_rng(0).uniform(size=(16, 50, 4)).astype(np.float32), np.zeros(16, np.int32)
    found = dp.diagnose(model, (x, y), loss_fun="cross_entropy", dt=1.0, checks=["InitialScale"])
    scale = found.of("InitialScale")[0].numbers["scale"]
    assert scale > 25.0     # currents are at most 0.04 nA, and 1 nA leads to the threshold
    ```

    **Arguments:**

    - `rate`: $\nu$, the mean rate of a population [kHz].
    - `most`: the share of silent, or of saturated, units from which on a factor is suggested [-].
    - `tolerance`: the largest relative deviation of the rate from it [-].

    **Reference:** Rossbroich, J., Gygax, J. & Zenke, F. (2022), Fluctuation-driven initialization for spiking neural
    network training, doi:10.1088/2634-4386/ac97bb. (There weights are drawn anew; here they are scaled.)
    """

    rate: float = 0.01
    most: float = 0.9
    tolerance: float = 0.05

    def examine(self, evidence: Evidence) -> Iterable[Finding]:
        """One finding for each population that is to be brought to the rate."""
        if evidence.redone is None or evidence.backward is None:
            return
        changed: dict[str, ArrayLike] = {}
        activity, before = evidence.activity, ""
        for path in evidence.activity.populations:
            seen = activity.populations[path]
            if max(seen.silent, seen.saturated(_OFTEN)) >= self.most and (
                run := self._run(evidence, path, before, changed)
            ):
                target, redo = run
                found = _search(redo, path, self._guess(evidence, path, seen), self.rate * evidence.dt, self.tolerance)
                if found is None:
                    continue
                scale, activity = found
                if target != INPUT:
                    changed[target] = scale * variables(evidence.model)[target]
                reached = _rate(activity, path) / evidence.dt
                yield Finding(
                    "note",
                    path,
                    f"with {target} times {scale:.4g} its rate is {reached:.3g} kHz",
                    f"Multiply {target} by {scale:.4g} before training.",
                    {"target": target, "scale": scale, "rate": reached},
                )
                if target == INPUT:
                    return  # what comes after it is to be looked at with the input that there will be
            before = path

    def _run(
        self, evidence: Evidence, path: str, before: str, changed: dict[str, ArrayLike]
    ) -> tuple[str, Callable[[float], Activity]] | None:
        """The path of the array to scale, and the activity as a function of the factor."""
        assert evidence.redone is not None
        redone, feeding = evidence.redone, _feeding(evidence, path, before)
        if feeding is not None:
            weight = variables(evidence.model)[feeding]
            return feeding, lambda scale: redone({**changed, feeding: scale * weight})
        if not before and evidence.rescaled is not None:
            return INPUT, evidence.rescaled
        return None

    def _guess(self, evidence: Evidence, path: str, seen: Population) -> float:
        known = limits(evidence.model, path)
        if not {"V_th", "V_rest"} <= known.keys() or not np.isfinite(float(seen.std)):
            return 1.0
        rest = float(np.mean(known["V_rest"]))
        tau = float(np.mean(np.asarray(getattr(part(evidence.model, path), "tau", 10.0))))
        crossing = 2 * math.pi * tau * self.rate
        xi = math.sqrt(-2 * math.log(crossing)) if crossing < 1 else 0.5
        above = max(float(seen.mean) - rest, 0.0) + xi * float(seen.std)
        return (float(np.mean(known["V_th"])) - rest) / above if above > 0 else 1.0


def _feeding(evidence: Evidence, path: str, before: str) -> str | None:
    """The weights that come last before a population, and after the one before it."""
    assert evidence.backward is not None
    order = {at: n for n, at in enumerate(nodes(evidence.model))}
    arrays = variables(evidence.model)
    first, last = order.get(before, -1) if before else -1, order.get(path, 0)

    def candidates() -> Iterator[str]:
        for at in evidence.backward.gradients:  # pyright: ignore[reportOptionalMemberAccess] - asserted above
            owner = at.rpartition(".")[0]
            if at in arrays and np.ndim(arrays[at]) > 1 and first < order.get(owner, -1) < last:
                yield at

    return max(candidates(), key=lambda at: order[at.rpartition(".")[0]], default=None)


def _rate(activity: Activity, path: str) -> float:
    """The mean number of spikes a unit and step."""
    return float(np.mean(activity.populations[path].share))


def _search(
    run: Callable[[float], Activity], path: str, guess: float, wanted: float, tolerance: float
) -> tuple[float, Activity] | None:
    """The factor at which a population reaches a number of spikes a step, with its activity; `None` if none does."""
    low, high = 0.0, guess
    activity = run(high)
    for _ in range(_DOUBLINGS):
        if _rate(activity, path) >= wanted:
            break
        low, high = high, 2 * high
        activity = run(high)
    else:
        return None
    best = high, activity
    for _ in range(_HALVINGS):
        if abs(_rate(best[1], path) - wanted) <= tolerance * wanted:
            break
        middle = 0.5 * (low + high) if low == 0 else math.sqrt(low * high)
        activity = run(middle)
        if abs(_rate(activity, path) - wanted) < abs(_rate(best[1], path) - wanted):
            best = middle, activity
        low, high = (middle, high) if _rate(activity, path) < wanted else (low, middle)
    return best if abs(_rate(best[1], path) - wanted) <= _NEAR * wanted else None
