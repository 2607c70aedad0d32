"""A predictor that goes on from its own predictions."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

import dynplug as dp
from dynplug.core import updated
from dynplug.layers import check_input


class ClosedLoopState(eqx.Module):
    """The state of the system, and its last prediction."""

    system: PyTree
    prediction: Float[Array, " in"]


class ClosedLoop(dp.DynamicalSystem):
    r"""A predictor that, where it has no input, goes on from its own prediction.

    $$\hat x_{t+1} = f(x_t) \quad \text{or} \quad \hat x_{t+1} = x_t + f(x_t)$$

    Without an input $\hat x_t$ takes the place of $x_t$. Puts out $\hat x_{t+1}$. Warmed up by
    inputs and then run for a duration, it forecasts:

    ```python
    from dynplug_reservoir import ClosedLoop

    model = dp.layers.Dense(1, 1, W_initializer=0.5, b_initializer=None)     # halves what it gets
    loop = dp.LoopOverTime(ClosedLoop(model), dt=1.0)
    state, one_step_ahead = loop(jnp.array([[1.0], [8.0]]))
    _, forecast = loop(3.0, state)
    assert one_step_ahead[:, 0].tolist() == [0.5, 4.0] and forecast[:, 0].tolist() == [2.0, 1.0, 0.5]
    ```

    The last row of `one_step_ahead` is the first step of the forecast, `forecast` what comes after it.

    **Arguments:**

    - `system`: $f$, which has as many outputs as inputs.
    - `increment`: whether $f$ predicts the change from one step to the next.

    **Raises:** `ShapeError` where the system has other outputs than inputs.

    **Reference:** Jaeger, H. & Haas, H. (2004), Harnessing nonlinearity: predicting chaotic systems and saving energy
    in wireless communication, doi:10.1126/science.1091277.
    """

    system: dp.DynamicalSystem
    increment: bool = eqx.field(static=True, default=False)

    def __check_init__(self) -> None:
        into, out = getattr(self.system, "in_size", None), getattr(self.system, "out_size", None)
        if into is None or into != out:
            raise dp.errors.ShapeError(
                f"ClosedLoop needs a system with as many outputs as inputs; it takes {into} and puts out {out}."
            )

    @property
    def in_size(self) -> tuple[int, ...]:
        return self.system.in_size  # pyright: ignore[reportAttributeAccessIssue]

    @property
    def out_size(self) -> tuple[int, ...]:
        return self.in_size

    def init_state(self, ctx: dp.Context) -> ClosedLoopState:
        return ClosedLoopState(self.system.init_state(ctx.child("system")), jnp.zeros(self.in_size, ctx.dtype))

    def update(self, state: ClosedLoopState, x: PyTree, ctx: dp.Context) -> tuple[ClosedLoopState, Float[Array, " in"]]:
        now = state.prediction if x is None else check_input(self, x, ctx.dtype, ctx)
        system, out = updated(self.system, state.system, now, ctx.child("system"))
        prediction = now + out if self.increment else out
        return ClosedLoopState(system, prediction), prediction
