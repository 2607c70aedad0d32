"""A system that receives its own last output."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

import dynplug as dp
from dynplug.core import updated
from dynplug.layers import check_input


class FeedbackState(eqx.Module):
    """The state of the system, and its last output."""

    system: PyTree
    z: Float[Array, " out"]


class Feedback(dp.DynamicalSystem):
    r"""A system $f$ that also receives its own last output, which is zero before the first step. Puts out $z_t$.

    $$z_t = f(x_t \oplus z_{t-1})$$

    The system takes the inputs followed by its own outputs. Without inputs of its own it is a generator of patterns,
    which is given arrays of shape (..., time, 0), or run for a duration.

    ```python
    from dynplug_reservoir import Feedback

    half = dp.layers.Dense(1, 1, W_initializer=0.5, b_initializer=1.0)
    _, z = dp.LoopOverTime(Feedback(half), dt=1.0)(3.0)     # without an input of its own
    assert z[:, 0].tolist() == [1.0, 1.5, 1.75]
    ```

    **Arguments:**

    - `system`: $f$, whose numbers of inputs and outputs are known, as those of `Reservoir(...) >> Dense(...)`.

    **Raises:** `ShapeError` where the system does not take as many inputs as it has outputs, at least.

    **Reference:** Sussillo, D. & Abbott, L. F. (2009), Generating coherent patterns of activity from chaotic neural
    networks, doi:10.1016/j.neuron.2009.07.018.
    """

    system: dp.DynamicalSystem

    def __check_init__(self) -> None:
        into, out = getattr(self.system, "in_size", None), getattr(self.system, "out_size", None)
        if into is None or out is None or len(into) != 1 or len(out) != 1 or into[0] < out[0]:
            raise dp.errors.ShapeError(
                f"Feedback needs a system that takes at least as many inputs as it has outputs; it takes {into} and "
                f"puts out {out}."
            )

    @property
    def in_size(self) -> tuple[int]:
        return (self.system.in_size[0] - self.system.out_size[0],)  # pyright: ignore[reportAttributeAccessIssue]

    @property
    def out_size(self) -> tuple[int]:
        return self.system.out_size  # pyright: ignore[reportAttributeAccessIssue]

    def init_state(self, ctx: dp.Context) -> FeedbackState:
        return FeedbackState(self.system.init_state(ctx.child("system")), jnp.zeros(self.out_size, ctx.dtype))

    def update(self, state: FeedbackState, x: PyTree, ctx: dp.Context) -> tuple[FeedbackState, Float[Array, " out"]]:
        given = jnp.zeros(0, ctx.dtype) if x is None else x
        into = jnp.concatenate([check_input(self, given, ctx.dtype, ctx), state.z])
        system, z = updated(self.system, state.system, into, ctx.child("system"))
        return FeedbackState(system, z), z
