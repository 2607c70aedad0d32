"""Parameters that a training cannot reach."""

import warnings
from typing import Any

import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

from dynplug.core import leaves
from dynplug.errors import ZeroGradientWarning
from dynplug.train.program import Program
from dynplug.train.windows import Window


class Unmoved:
    """Watches the first epoch of a training for parameters on which the loss does not depend, and names them once.

    Whether a gradient is zero for want of any path to the loss, and not by chance, is read from the program. It is
    traced for that only where some gradient was zero in every step.

    **Arguments:**

    - `params`: the trained part of the model.
    """

    def __init__(self, params: Any):
        self._paths = [leaf.path for leaf in leaves(params)]
        self._moved = np.zeros(len(self._paths), bool)
        self._last: Window | None = None

    def see(self, window: Window, moved: Any) -> None:
        """A step on a window, with a flag for each parameter: whether its gradient is other than zero."""
        if not self._moved.all():
            self._moved |= np.asarray(moved)
            self._last = window

    def end(self, program: Program, params: Any) -> None:
        """Say what can never be moved, at the end of the epoch."""
        if self._last is None or self._moved.all():
            return
        jaxpr = program.gradient(params, self._last.x, self._last.y)
        unreachable = [_is_zero(jaxpr.jaxpr, n) for n in range(len(self._paths))]
        flags = zip(self._paths, self._moved, unreachable, strict=True)
        if left := [path for path, moved, zero in flags if zero and not moved]:
            warnings.warn(
                f"The loss does not depend on {', '.join(left)}, whose gradient is always zero. A parameter of a "
                "surrogate has a part in gradients alone and never has one; neither has a layer whose outputs are not "
                "used. It stays as it is: leave it out by trainable={path: False}.",
                ZeroGradientWarning,
                stacklevel=5,
            )


def _is_zero(jaxpr: Jaxpr, n: int) -> bool:
    """Whether an output of a program is a zero that was written down, and not computed."""
    out = jaxpr.outvars[n]
    if isinstance(out, Literal):
        return bool(np.all(np.asarray(out.val) == 0))
    made = next((eqn for eqn in jaxpr.eqns if any(v is out for v in eqn.outvars)), None)
    if made is None:
        return False
    inner = next((p for p in made.params.values() if isinstance(p, ClosedJaxpr)), None)
    if inner is not None:
        return _is_zero(inner.jaxpr, next(k for k, v in enumerate(made.outvars) if v is out))
    given = made.invars[0] if made.invars else None
    return (
        made.primitive.name == "broadcast_in_dim" and isinstance(given, Literal) and not np.any(np.asarray(given.val))
    )
