"""Systems without input."""

from abc import abstractmethod

import equinox as eqx
from jaxtyping import Array, Float, PyTree

from dynplug.core import Context, Resizable, discrete
from dynplug.errors import CompositionError


class SpikesState(eqx.Module):
    """The spikes of the last step."""

    spike: Float[Array, "*size"] = discrete()


class Source(Resizable):
    """A system that takes no input. Its output has one number per unit.

    Implementing one: a field `size`, `init_state(ctx)`, and `generate(state, ctx)`, a step. Spike trains have a field
    `spike` in their state. What is drawn comes from `ctx.random_key()`.

    ```python
    class Clock(dp.sources.Source):     # a spike of every unit every ten steps
        size: tuple[int, ...] = eqx.field(static=True, converter=dp.as_size)

        def init_state(self, ctx):
            return dp.sources.SpikesState(jnp.zeros(self.size, ctx.dtype))

        def generate(self, state, ctx):
            spike = jnp.full(self.size, ctx.i % 10 == 9, ctx.dtype)
            return dp.sources.SpikesState(spike), spike

    _, spikes = dp.LoopOverTime(Clock(3), dt=1.0)(100.0)
    assert np.flatnonzero(spikes[:, 0]).tolist() == list(range(9, 100, 10))
    ```
    """

    @abstractmethod
    def generate(self, state: PyTree, ctx: Context) -> tuple[PyTree, PyTree]:
        """One step of `ctx.dt`: from the state to the next state and the output."""

    def update(self, state: PyTree, x: PyTree, ctx: Context) -> tuple[PyTree, PyTree]:
        if x is not None:
            name = type(self).__name__
            raise CompositionError(
                f"{ctx.path or name} is a source, {name}, which takes no input, but was given {_told(x)}: put it "
                "first, and run it for a duration, as in runner.run(100.0)."
            )
        return self.generate(state, ctx)


def _told(x: object) -> str:
    shape = getattr(x, "shape", None)
    return f"a {type(x).__name__}" if shape is None else f"an array of shape {shape}"
