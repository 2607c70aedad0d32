"""The dense layer."""

import equinox as eqx
import jax
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from dynplug.core import Context, DynamicalSystem, as_count
from dynplug.initializers import LecunNormal, initialize, required
from dynplug.layers.one_sample import check_input


class Dense(DynamicalSystem):
    r"""All-to-all weights and a bias, without state.

    $$y = W x + b$$

    Inputs that are not floating (spikes kept as booleans or bytes) are converted.

    ```python
    dense = dp.layers.Dense(2, 1, W_initializer=np.array([[3.0, -1.0]], np.float32), b_initializer=0.5)
    _, y = dp.LoopOverTime(dense, dt=1.0)(jnp.array([[1.0, 2.0], [0.0, 1.0]]))     # two steps
    assert y[:, 0].tolist() == [1.5, -0.5]
    ```

    **Arguments:**

    - `in_size`: the number of inputs.
    - `out_size`: the number of outputs.
    - `W_initializer`: the weight (out, in): an array, a number, a callable of the shape, an initializer.
    - `b_initializer`: the bias (out,), likewise; `None` for no bias [-].
    - `key`: a `jax.random.key`; not needed if nothing is drawn.

    **Reference:** Rosenblatt, F. (1958), The perceptron: a probabilistic model for information storage and organization
    in the brain, doi:10.1037/h0042519.
    """

    weight: Float[Array, "out in"]
    bias: Float[Array, " out"] | None
    in_size: tuple[int] = eqx.field(static=True)
    out_size: tuple[int] = eqx.field(static=True)

    def __init__(
        self,
        in_size: int,
        out_size: int,
        *,
        W_initializer: object = LecunNormal(),
        b_initializer: object = 0.0,
        key: PRNGKeyArray | None = None,
    ):
        in_size, out_size = as_count("in_size", in_size), as_count("out_size", out_size)
        W_key, b_key = (None, None) if key is None else jax.random.split(key)
        self.weight = required(W_initializer, (out_size, in_size), key=W_key, name="Dense weight (out, in)")
        self.bias = initialize(b_initializer, (out_size,), key=b_key, name="Dense bias (out,)")
        self.in_size, self.out_size = (in_size,), (out_size,)

    def init_state(self, ctx: Context) -> None:
        return None

    def update(self, state: None, x: PyTree, ctx: Context) -> tuple[None, Float[Array, " out"]]:
        y = check_input(self, x, self.weight.dtype, ctx) @ self.weight.T
        return None, y if self.bias is None else y + self.bias
