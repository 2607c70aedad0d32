"""Long short-term memory."""

import equinox as eqx
import jax
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from dynplug.core import Context, DynamicalSystem, as_count, as_flag
from dynplug.errors import ParameterError
from dynplug.layers.initial_state import InitialState, initial_state
from dynplug.layers.one_sample import check_input


class LSTMCellState(eqx.Module):
    """Hidden state `h` and cell state `c`."""

    h: Float[Array, " out"]
    c: Float[Array, " out"]


class LSTMCell(DynamicalSystem):
    r"""`equinox.nn.LSTMCell` as a system. Its output is the new hidden state `h`; the cell state `c` is internal.

    $$(i, f, g, o) = W x + U h + b, \qquad c' = \sigma(f) \odot c + \sigma(i) \odot \tanh(g), \qquad
    h' = \sigma(o) \odot \tanh(c')$$

    ```python
    cell = dp.layers.LSTMCell(3, 8, key=jax.random.key(0))
    state, h = dp.LoopOverTime(cell, dt=1.0)(jnp.ones((20, 3)))
    assert h.shape == (20, 8) and state.system.c.shape == (8,)
    ```

    **Arguments:**

    - `in_size`: the number of inputs.
    - `out_size`: the number of units.
    - `use_bias`: whether there are biases.
    - `state_initializer`: `h` and `c` before the first step, (out,) each [-].
    - `train_state`: whether these two are trained.
    - `key`: a `jax.random.key`.

    **Reference:** Hochreiter, S. & Schmidhuber, J. (1997), Long short-term memory, doi:10.1162/neco.1997.9.8.1735.
    """

    cell: eqx.nn.LSTMCell
    h0: InitialState
    c0: InitialState
    in_size: tuple[int] = eqx.field(static=True)
    out_size: tuple[int] = eqx.field(static=True)

    def __init__(
        self,
        in_size: int,
        out_size: int,
        *,
        use_bias: bool = True,
        state_initializer: object = 0.0,
        train_state: bool = False,
        key: PRNGKeyArray,
    ):
        in_size, out_size = as_count("in_size", in_size), as_count("out_size", out_size)
        as_flag("LSTMCell: use_bias", use_bias, error=ParameterError)
        cell_key, h_key, c_key = jax.random.split(key, 3)
        self.cell = eqx.nn.LSTMCell(in_size, out_size, use_bias=use_bias, key=cell_key)
        self.h0 = initial_state(state_initializer, out_size, train=train_state, key=h_key)
        self.c0 = initial_state(state_initializer, out_size, train=train_state, key=c_key)
        self.in_size, self.out_size = (in_size,), (out_size,)

    def init_state(self, ctx: Context) -> LSTMCellState:
        return LSTMCellState(self.h0(ctx), self.c0(ctx))

    def update(self, state: LSTMCellState, x: PyTree, ctx: Context) -> tuple[LSTMCellState, Float[Array, " out"]]:
        h, c = self.cell(check_input(self, x, self.cell.weight_ih.dtype, ctx), (state.h, state.c))
        return LSTMCellState(h, c), h
