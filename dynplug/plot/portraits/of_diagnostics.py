"""Diagnostics on networks that have one fault each."""

from typing import Any

import jax
import numpy as np
import optax
from matplotlib.figure import Figure

from dynplug.core import Sequential
from dynplug.initializers import KaimingNormal
from dynplug.layers import Dense
from dynplug.neurons import LIF, LeakyIntegrator
from dynplug.plot.portraits.sitter import Sitter, panels
from dynplug.plugin import build

_STEPS, _SAMPLES, _IN, _HIDDEN, _OUT = 40, 12, 5, 16, 2
_BY_HEART = 50  # steps
_LEVELS = ("ok", "note", "warning")
_COLOURS = ("C0", "C1", "C3")


def diagnostic(sitter: Sitter, figure: Figure) -> None:
    """Numbers of findings by level in small networks: a sound one, and others with one fault each."""
    (ax,) = panels(figure, 1)
    found = {what: _levels(sitter, *case) for what, case in _cases().items()}
    names, left = list(found), np.zeros(len(found))
    for n, (level, colour) in enumerate(zip(_LEVELS, _COLOURS, strict=True)):
        counts = np.array([levels[n] for levels in found.values()], float)
        ax.barh(names, counts, left=left, color=colour, label=level)
        left += counts
    ax.invert_yaxis()
    ax.set(xlabel="findings [number]", xlim=(0.0, max(1.0, left.max()) * 1.05))
    ax.legend(frameon=False)


def _cases() -> dict[str, tuple[Sequential, np.ndarray]]:
    x = (np.random.default_rng(0).random((_SAMPLES, _STEPS, _IN)) < 0.3).astype(np.float32)
    return {
        "sound": (_network(4.0), x),
        "weak weights": (_network(0.05), x),
        "tau in seconds": (_network(4.0, tau=0.01), x),
        "input times 1000": (_network(4.0), 1000.0 * x),
    }


def _network(scale: float, **options: Any) -> Sequential:
    one, two = jax.random.split(jax.random.key(0))
    return Sequential(
        input=Dense(_IN, _HIDDEN, W_initializer=KaimingNormal(scale=scale**2), key=one),
        hidden=LIF(_HIDDEN, **options),
        output=Dense(_HIDDEN, _OUT, key=two),
        readout=LeakyIntegrator(_OUT, tau=20.0),
    )


def _levels(sitter: Sitter, model: Sequential, x: np.ndarray) -> list[int]:
    silent = {"logger": None, "progress_bar": False}
    given = {"target": model, "loss_fun": "cross_entropy", "optimizer": optax.adam(0.05), "dt": 1.0, **silent}
    y = np.arange(_SAMPLES, dtype=np.int32) % _OUT
    asked = {"overfit": _BY_HEART} if sitter.name == "OneBatch" else {}  # it is for nobody else
    found = build({"type": "BPTT"}, kind="runner", given=given).diagnose((x, y), checks=[sitter.made], **asked)
    levels = [finding.level for _, finding in found.rows]
    return [levels.count(level) for level in _LEVELS]
