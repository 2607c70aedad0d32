"""The simple recurrent layer."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from dynplug.core import Context, DynamicalSystem, as_count
from dynplug.initializers import LecunNormal, Orthogonal, initialize, required
from dynplug.layers.activation import as_activation
from dynplug.layers.initial_state import InitialState, initial_state
from dynplug.layers.one_sample import check_input


class RNNCellState(eqx.Module):
    """Hidden state."""

    h: Float[Array, " out"]


class RNNCell(DynamicalSystem):
    r"""Simple recurrent units. The output is the new hidden state $h'$.

    $$h' = \phi(W x + U h + b)$$

    ```python
    cell = dp.layers.RNNCell(1, 1, activation=jnp.tanh, W_initializer=1.0, U_initializer=0.5, b_initializer=None)
    _, h = dp.LoopOverTime(cell, dt=1.0)(jnp.array([[1.0], [0.0]]))
    assert np.isclose(h[1, 0], np.tanh(0.5 * np.tanh(1.0)))
    ```

    **Arguments:**

    - `in_size`: the number of inputs.
    - `out_size`: the number of units.
    - `activation`: $\phi$.
    - `W_initializer`: the input weight (out, in).
    - `U_initializer`: the recurrent weight (out, out).
    - `b_initializer`: the bias (out,); `None` for no bias [-].
    - `state_initializer`: the state before the first step (out,) [-].
    - `train_state`: whether that state is trained.
    - `key`: a `jax.random.key`.

    **Reference:** Elman, J. L. (1990), Finding structure in time, doi:10.1207/s15516709cog1402_1.
    """

    W: Float[Array, "out in"]
    U: Float[Array, "out out"]
    bias: Float[Array, " out"] | None
    state0: InitialState
    activation: Callable[[Array], Array] = eqx.field(static=True)
    in_size: tuple[int] = eqx.field(static=True)
    out_size: tuple[int] = eqx.field(static=True)

    def __init__(
        self,
        in_size: int,
        out_size: int,
        *,
        activation: Callable[[Array], Array] = jnp.tanh,
        W_initializer: object = LecunNormal(),
        U_initializer: object = Orthogonal(),
        b_initializer: object = 0.0,
        state_initializer: object = 0.0,
        train_state: bool = False,
        key: PRNGKeyArray | None = None,
    ):
        in_size, out_size = as_count("in_size", in_size), as_count("out_size", out_size)
        keys = [None] * 4 if key is None else jax.random.split(key, 4)
        self.W = required(W_initializer, (out_size, in_size), key=keys[0], name="RNNCell W (out, in)")
        self.U = required(U_initializer, (out_size, out_size), key=keys[1], name="RNNCell U (out, out)")
        self.bias = initialize(b_initializer, (out_size,), key=keys[2], name="RNNCell bias (out,)")
        self.state0 = initial_state(state_initializer, out_size, train=train_state, key=keys[3])
        self.activation = as_activation("RNNCell", activation)
        self.in_size, self.out_size = (in_size,), (out_size,)

    def init_state(self, ctx: Context) -> RNNCellState:
        return RNNCellState(self.state0(ctx))

    def update(self, state: RNNCellState, x: PyTree, ctx: Context) -> tuple[RNNCellState, Float[Array, " out"]]:
        total = self.W @ check_input(self, x, self.W.dtype, ctx) + self.U @ state.h
        h = self.activation(total if self.bias is None else total + self.bias)
        return RNNCellState(h), h
