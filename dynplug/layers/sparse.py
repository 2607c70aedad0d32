"""The sparse layer."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from dynplug.connectors import Connections
from dynplug.core import Context, DynamicalSystem, as_count
from dynplug.errors import ParameterError
from dynplug.initializers import LecunNormal, initialize, per_connection
from dynplug.layers.one_sample import check_input


class Sparse(DynamicalSystem):
    r"""Weights of the connections that a connector makes, and a bias, without state.

    $$y_i = \sum_{j \to i} w_{ij}\,x_j + b_i$$

    There is one weight per connection, whichever way the sum is taken. Inputs that are not floating are converted.

    ```python
    layer = dp.layers.Sparse(1000, 100, dp.connectors.FixedInDegree(10), key=jax.random.key(0))
    assert layer.weight.shape == (1000,)     # ten for each output
    ```

    **Arguments:**

    - `in_size`: the number of inputs.
    - `out_size`: the number of outputs.
    - `connector`: the rule of connections from inputs to outputs: called as `connector(in_size, out_size, key=key)`.
    - `W_initializer`: the weights: an array (connections,), sorted as the connections are; a number; or an initializer,
        which draws a matrix with the average number of inputs of an output, so that its scale fits.
    - `b_initializer`: the bias (out,), likewise; `None` for no bias [-].
    - `method`: `"dense"` multiplies by a matrix that is zero where nothing is connected, which suits matrix units;
        `"sparse"` gathers and sums, in memory and time proportional to the number of connections. On a CPU, for 1000 to
        4000 units, the two take equal time when some 3 % of the pairs are connected.
    - `key`: a `jax.random.key`; not needed if nothing is drawn.

    **Raises:** `ParameterError` for what is no connector, or an unknown method.

    **Reference:** Gustavson, F. G. (1978), Two fast algorithms for sparse matrices: multiplication and permuted
    transposition, doi:10.1145/355791.355796.
    """

    weight: Float[Array, " connections"]
    bias: Float[Array, " out"] | None
    connections: Connections
    in_size: tuple[int] = eqx.field(static=True)
    out_size: tuple[int] = eqx.field(static=True)
    method: str = eqx.field(static=True)

    def __init__(
        self,
        in_size: int,
        out_size: int,
        connector: object,
        *,
        W_initializer: object = LecunNormal(),
        b_initializer: object = 0.0,
        method: str = "dense",
        key: PRNGKeyArray | None = None,
    ):
        in_size, out_size = as_count("in_size", in_size), as_count("out_size", out_size)
        if method not in _METHODS:
            raise ParameterError(f"Unknown method {method!r} of Sparse: give 'dense' or 'sparse'.")
        if not callable(connector) or isinstance(connector, type):
            raise ParameterError(
                "Sparse(connector=...) takes a connector such as dp.connectors.FixedProbability(0.1), or a function of "
                f"(pre, post, *, key) that returns Connections; got {connector!r}. By name: dp.build, kind='connector'."
            )
        C_key, W_key, b_key = (None, None, None) if key is None else jax.random.split(key, 3)
        made = connector(in_size, out_size, key=C_key)
        if not isinstance(made, Connections) or (made.pre_size, made.post_size) != (in_size, out_size):
            raise ParameterError(
                f"Sparse: {connector} returned {made!r}; a connector returns the Connections of {in_size} with "
                f"{out_size} units."
            )
        self.connections, self.method = made, method
        self.weight = per_connection(W_initializer, len(made), out_size, key=W_key, name="Sparse weight (connections,)")
        self.bias = initialize(b_initializer, (out_size,), key=b_key, name="Sparse bias (out,)")
        self.in_size, self.out_size = (in_size,), (out_size,)

    def init_state(self, ctx: Context) -> None:
        return None

    def update(self, state: None, x: PyTree, ctx: Context) -> tuple[None, Float[Array, " out"]]:
        x = check_input(self, x, self.weight.dtype, ctx)
        y = _METHODS[self.method](self, x)
        return None, y if self.bias is None else y + self.bias


def _dense(layer: Sparse, x: Array) -> Array:
    pairs = layer.connections
    matrix = jnp.zeros((*layer.out_size, *layer.in_size), layer.weight.dtype)
    return matrix.at[pairs.post, pairs.pre].add(layer.weight, indices_are_sorted=True) @ x


def _sparse(layer: Sparse, x: Array) -> Array:
    pairs = layer.connections
    sent = layer.weight * x[pairs.pre]
    return jax.ops.segment_sum(sent, pairs.post, *layer.out_size, indices_are_sorted=True)


_METHODS = {"dense": _dense, "sparse": _sparse}
