"""A chain of delay lines that holds the outputs of one population until they arrive."""

import itertools

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from dynplug.core import Context
from dynplug.errors import DurationError, NetworkMemoryError
from dynplug.layers import Delay
from dynplug.network.memory import available


class DelayChain(eqx.Module):
    """Delay lines from each of several delays to the next: together they hold no more than the longest one.

    **Arguments:**

    - `size`: the number of sending units.
    - `delays`: the different delays [ms], ascending.
    - `ahead`: the number of steps that lie behind what the chain is given.
    - `rounded`: whether delays are rounded to whole steps, at least one, as those that were drawn.
    """

    size: int = eqx.field(static=True)
    delays: tuple[float, ...] = eqx.field(static=True)
    ahead: int = eqx.field(static=True, default=0)
    rounded: bool = eqx.field(static=True, default=False)

    def init_state(self, ctx: Context) -> tuple[PyTree, ...]:
        try:
            lines = self._lines(ctx.dt)
        except DurationError as error:
            raise DurationError(f"{ctx.path}: {error}") from None
        needed = sum(line.steps(ctx.dt) for line in lines if line) * self.size * jnp.dtype(ctx.dtype).itemsize
        if needed > (there := available()):
            raise NetworkMemoryError(
                f"{ctx.path}: delay={self.delays[-1]:g} ms holds the outputs of {self.size} units for that long: "
                f"{needed / 2**30:.3g} GiB; {there / 2**30:.3g} GiB are free. Give a shorter one [ms]."
            )
        return tuple(line and line.init_state(ctx) for line in lines)

    def update(
        self, state: tuple[PyTree, ...], x: Float[Array, " units"], ctx: Context
    ) -> tuple[tuple[PyTree, ...], Float[Array, " copies"]]:
        """The values that arrive in a step, first those of all units with the shortest delay."""
        held, copies = [], []
        for line, values in zip(self._lines(ctx.dt), state, strict=True):
            if line is not None:
                values, x = line.update(values, x, ctx)
            held.append(values)
            copies.append(x)
        return tuple(held), copies[0] if len(copies) == 1 else jnp.concatenate(copies)

    def _lines(self, dt: float) -> list[Delay | None]:
        """The lines; `None` where one delay has as many steps as the one before it."""
        steps = [self.ahead, *(self._steps(delay, dt) for delay in self.delays)]
        return [Delay(self.size, (b - a) * dt) if b > a else None for a, b in itertools.pairwise(steps)]

    def _steps(self, delay: float, dt: float) -> int:
        return max(1, round(delay / dt)) if self.rounded else Delay(self.size, delay).steps(dt)
