"""Parameters that a training does not reach."""

import warnings

import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal
from jaxtyping import PyTree

from dynplug.core import leaves
from dynplug.errors import ZeroGradientWarning
from dynplug.train.data import Window
from dynplug.train.step import StepProgram

_MANY = 10  # steps, after which a gradient that was zero in all of them is no chance


class Unmoved:
    """Watches the first epoch of a training for parameters whose gradient is zero in every step, and names them once.

    Whether that is for want of any path to the loss, and not by what the units do, is read from the program, which is
    traced for that only where some gradient was zero.

    **Arguments:**

    - `params`: the trained part of the model.
    """

    def __init__(self, params: PyTree):
        self._paths = [leaf.path for leaf in leaves(params)]
        self._moved = np.zeros(len(self._paths), bool)
        self._last: Window | None = None
        self._steps = 0

    def see(self, window: Window, moved: PyTree) -> None:
        """A step on a window, with a flag for each parameter: whether its gradient is other than zero."""
        self._steps += 1
        if not self._moved.all():
            self._moved |= np.asarray(moved)
            self._last = window

    def end(self, program: StepProgram, state: PyTree) -> None:
        """Say what was not moved, at the end of the epoch."""
        if self._last is None or self._moved.all():
            return
        jaxpr = program.gradient(state.params, state.learned, self._last.x, self._last.y)
        unreachable = [_is_zero(jaxpr.jaxpr, n) for n in range(len(self._paths))]
        left = [row for row in zip(self._paths, self._moved, unreachable, strict=True) if not row[1]]
        if never := [path for path, _, zero in left if zero]:
            _warn(
                f"The loss does not depend on {', '.join(never)}, whose gradient is always zero. A parameter of a "
                "surrogate has a part in gradients alone and never has one; neither has a layer whose outputs are not "
                "used. It stays as it is: leave it out by trainable={path: False}."
            )
        if self._steps >= _MANY and (dead := [path for path, _, zero in left if not zero]):
            _warn(
                f"The gradient of {', '.join(dead)} was exactly zero in all {self._steps} steps of the first epoch. "
                "The weights behind units that never spike are so, or before a loss that is saturated: look at the "
                "activity (monitors, predict), and at the scale of the input, R, V_th and tau of what comes before."
            )


def _warn(message: str) -> None:
    warnings.warn(message, ZeroGradientWarning, stacklevel=6)


def _is_zero(jaxpr: Jaxpr, n: int) -> bool:
    """Whether an output of a program is a zero that was written down, and not computed."""
    out = jaxpr.outvars[n]
    if isinstance(out, Literal):
        return bool(np.all(np.asarray(out.val) == 0))
    made = next((eqn for eqn in jaxpr.eqns if any(v is out for v in eqn.outvars)), None)
    if made is None:
        return False
    for inner in (p.jaxpr for p in made.params.values() if isinstance(p, ClosedJaxpr)):
        if [v.aval for v in inner.outvars] == [v.aval for v in made.outvars]:  # a call, not a loop's condition
            return _is_zero(inner, next(k for k, v in enumerate(made.outvars) if v is out))
    given = made.invars[0] if made.invars else None
    return (
        made.primitive.name == "broadcast_in_dim" and isinstance(given, Literal) and not np.any(np.asarray(given.val))
    )
