"""The gated recurrent unit."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from dynplug.core import Context, DynamicalSystem, as_count, as_flag
from dynplug.errors import ParameterError
from dynplug.layers.initial_state import InitialState, initial_state
from dynplug.layers.one_sample import check_input


class GRUCellState(eqx.Module):
    """Hidden state."""

    h: Float[Array, " out"]


class GRUCell(DynamicalSystem):
    r"""`equinox.nn.GRUCell` as a system. Its output is the new hidden state.

    $$r = \sigma(W_r x + U_r h + b_r), \qquad z = \sigma(W_z x + U_z h + b_z)$$
    $$n = \tanh(W_n x + b_n + r \odot (U_n h + c_n)), \qquad h' = (1 - z) \odot n + z \odot h$$

    ```python
    cell = dp.layers.GRUCell(3, 8, key=jax.random.key(0))
    _, h = dp.LoopOverTime(cell, dt=1.0)(jnp.ones((20, 3)))
    assert h.shape == (20, 8) and abs(h).max() < 1.0
    ```

    **Arguments:**

    - `in_size`: the number of inputs.
    - `out_size`: the number of units.
    - `use_bias`: whether there are biases.
    - `reset_after`: whether the reset gate multiplies the recurrent product $U h$, as in cuDNN; `False`: the state
        before the product, $U (r \odot h)$, as published.
    - `state_initializer`: the state before the first step (out,) [-].
    - `train_state`: whether that state is trained.
    - `key`: a `jax.random.key`.

    **Reference:** Cho, K. et al. (2014), Learning phrase representations using RNN encoder-decoder,
    doi:10.3115/v1/D14-1179.
    """

    cell: eqx.nn.GRUCell
    state0: InitialState
    reset_after: bool = eqx.field(static=True)
    in_size: tuple[int] = eqx.field(static=True)
    out_size: tuple[int] = eqx.field(static=True)

    def __init__(
        self,
        in_size: int,
        out_size: int,
        *,
        use_bias: bool = True,
        reset_after: bool = True,
        state_initializer: object = 0.0,
        train_state: bool = False,
        key: PRNGKeyArray,
    ):
        in_size, out_size = as_count("in_size", in_size), as_count("out_size", out_size)
        as_flag("GRUCell: use_bias", use_bias, error=ParameterError)
        cell_key, state_key = jax.random.split(key)
        cell = eqx.nn.GRUCell(in_size, out_size, use_bias=use_bias, key=cell_key)
        # added beside U (r * h) the second bias would be the first again
        self.cell = cell if reset_after or not use_bias else eqx.tree_at(lambda c: c.bias_n, cell, None)
        self.reset_after = as_flag("GRUCell: reset_after", reset_after, error=ParameterError)
        self.state0 = initial_state(state_initializer, out_size, train=train_state, key=state_key)
        self.in_size, self.out_size = (in_size,), (out_size,)

    def init_state(self, ctx: Context) -> GRUCellState:
        return GRUCellState(self.state0(ctx))

    def update(self, state: GRUCellState, x: PyTree, ctx: Context) -> tuple[GRUCellState, Float[Array, " out"]]:
        x = check_input(self, x, self.cell.weight_ih.dtype, ctx)
        h = self.cell(x, state.h) if self.reset_after else _reset_before(self.cell, x, state.h)
        return GRUCellState(h), h


def _reset_before(cell: eqx.nn.GRUCell, x: Float[Array, " in"], h: Float[Array, " out"]) -> Float[Array, " out"]:
    """The next hidden state if the reset gate multiplies the state before the recurrent product."""
    W_r, W_z, W_n = jnp.split(cell.weight_ih @ x if cell.bias is None else cell.weight_ih @ x + cell.bias, 3)
    U_rz, U_n = jnp.split(cell.weight_hh, [2 * h.shape[0]])
    U_r, U_z = jnp.split(U_rz @ h, 2)
    r, z = jax.nn.sigmoid(W_r + U_r), jax.nn.sigmoid(W_z + U_z)
    return z * h + (1.0 - z) * jnp.tanh(W_n + U_n @ (r * h))
