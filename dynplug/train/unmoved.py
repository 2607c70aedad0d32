"""Parameters that a training does not reach."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from dynplug.errors import ZeroGradientWarning


class Unmoved:
    """Watches the first epoch of a training for parameters whose gradient is zero in every step, and names them once.

    **Arguments:**

    - `paths`: the trained parameters.
    """

    def __init__(self, paths: Sequence[str]):
        self._paths = list(paths)
        self._moved = np.zeros(len(self._paths), bool)
        self._steps = 0

    def see(self, moved: Any) -> None:
        """A step in which some gradients were not zero: a flag for each parameter."""
        self._steps += 1
        if not self._moved.all():
            self._moved |= np.asarray(moved)

    def end(self) -> None:
        """Say what was never moved, at the end of the epoch."""
        left = [path for path, moved in zip(self._paths, self._moved, strict=True) if not moved]
        if left and self._steps:
            warnings.warn(
                f"The gradient of {', '.join(left)} was exactly zero in all {self._steps} steps of the first epoch: "
                "the loss does not depend on it. A parameter of a surrogate, which has a part in gradients alone, "
                "never has one; a layer has none whose outputs are not used, or are only received by units that never "
                "spike. Leave it out by trainable={path: False}, or look at the activity.",
                ZeroGradientWarning,
                stacklevel=5,
            )
