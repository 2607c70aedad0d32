"""Parameters before and after training."""

from typing import NamedTuple

import numpy as np

from dynplug.recipe.report.reported import Reported


class LearnedParameter(NamedTuple):
    """An array of the model, after its training, and before where that is known."""

    path: str
    after: np.ndarray
    before: np.ndarray | None

    @property
    def trained(self) -> bool | None:
        """Whether it has changed; `None` where that is not known."""
        return None if self.before is None else self.before.tobytes() != self.after.tobytes()


def learned_parameters(reported: Reported) -> list[LearnedParameter]:
    """All arrays of numbers of the model that predicts."""
    former = reported.before
    same = {path for path, a in reported.arrays.items() if path in former and former[path].shape == a.shape}
    return [LearnedParameter(path, a, former[path] if path in same else None) for path, a in reported.arrays.items()]


def in_short(values: np.ndarray | None) -> str:
    """A single number, or mean and standard deviation."""
    if values is None or values.size == 0:
        return ""
    values = values.astype(float)
    if values.size == 1:
        return f"{values.item():.4g}"
    with np.errstate(invalid="ignore", over="ignore"):
        spread = values.std()
        return f"{values.mean():.3g} ± {spread:.3g}" if spread else f"{values.flat[0]:.4g}"
