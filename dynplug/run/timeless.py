"""A system without access to time."""

import equinox as eqx
from jaxtyping import PyTree

from dynplug.core import Context, DynamicalSystem, NoTime, updated


class Timeless(DynamicalSystem):
    """A system for which there is no time: reading the time or the index of the step is an error.

    **Arguments:**

    - `system`: the system.
    - `hidden`: those of the context's `t` and `i` that are hidden.
    """

    system: DynamicalSystem
    hidden: tuple[str, ...] = eqx.field(static=True)

    def init_state(self, ctx: Context) -> PyTree:
        return self.system.init_state(self._hide(ctx))

    def update(self, state: PyTree, x: PyTree, ctx: Context) -> tuple[PyTree, PyTree]:
        return updated(self.system, state, x, self._hide(ctx))

    def _hide(self, ctx: Context) -> Context:
        names = self.hidden
        return eqx.tree_at(lambda c: [getattr(c, name) for name in names], ctx, [NoTime(name) for name in names])
