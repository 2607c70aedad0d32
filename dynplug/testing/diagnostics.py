"""Checks of diagnostics."""

from collections.abc import Iterable
from functools import cache

import jax
import numpy as np
import optax

from dynplug.core import Sequential
from dynplug.diagnosis import Diagnostic, Evidence, Finding
from dynplug.initializers import KaimingNormal
from dynplug.layers import Dense
from dynplug.neurons import LIF, LeakyIntegrator
from dynplug.testing.demands import demand
from dynplug.testing.subject import Subject
from dynplug.train import BPTT

_STEPS, _SAMPLES, _IN, _HIDDEN, _OUT = 40, 12, 5, 16, 2
_BY_HEART = 50  # steps
_SOUND, _SILENT = 4.0, 0.05  # scales of weights


def gives_findings(subject: Subject) -> None:
    """It gives findings, or nothing, whatever the model: a sound one, a silent one, and one that gives NaN."""
    for what, evidence in _models().items():
        for finding in subject.instance.examine(evidence):
            demand(
                isinstance(finding, Finding), f"For a model that is {what} it gave {finding!r}, which is no Finding."
            )


def finds_nothing_in_a_sound_model(subject: Subject) -> None:
    """It warns of nothing in a little network that spikes and learns: one that cries wolf is not believed."""
    for finding in subject.instance.examine(_models()["sound"]):
        demand(finding.level != "warning", f"It warns of a sound model: {finding.what}.")


def only_looks(subject: Subject) -> None:
    """It finds the same twice: it keeps nothing, and leaves what it looked at as it was."""
    evidence = _models()["silent"]
    once, again = (list(subject.instance.examine(evidence)) for _ in range(2))
    demand(repr(once) == repr(again), f"First it found {once}, then {again}: keep nothing between two calls.")


@cache
def _models() -> dict[str, Evidence]:
    """Evidence of small networks, by description."""
    missing = _batch()
    missing[0][2, 3] = np.nan
    return {
        "sound": _evidence(_network(_SOUND), _batch(), overfit=_BY_HEART),
        "silent": _evidence(_network(_SILENT), _batch()),
        "not finite": _evidence(_network(_SOUND), missing),
    }


class _Keeping(Diagnostic):
    """Keeps the evidence itself."""

    def __init__(self) -> None:
        self.kept: list[Evidence] = []

    def examine(self, evidence: Evidence) -> Iterable[Finding]:
        self.kept.append(evidence)
        return ()


def _evidence(model: Sequential, batch: tuple[np.ndarray, np.ndarray], overfit: int | None = None) -> Evidence:
    keeping = _Keeping()
    trainer = BPTT(model, "cross_entropy", optax.adam(0.05), dt=1.0, logger=None, progress_bar=False)
    trainer.diagnose(batch, checks=[keeping], overfit=overfit)
    return keeping.kept[0]


def _network(scale: float) -> Sequential:
    one, two = jax.random.split(jax.random.key(0))
    return Sequential(
        input=Dense(_IN, _HIDDEN, W_initializer=KaimingNormal(scale=scale**2), key=one),
        hidden=LIF(_HIDDEN),
        output=Dense(_HIDDEN, _OUT, key=two),
        readout=LeakyIntegrator(_OUT, tau=20.0),
    )


def _batch() -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(0).random((_SAMPLES, _STEPS, _IN)) < 0.3
    return x.astype(np.float32), np.arange(_SAMPLES, dtype=np.int32) % _OUT
