"""The delivery of spikes through connections."""

from collections.abc import Callable
from functools import cache, partial

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero
from jax.typing import ArrayLike
from jaxtyping import Array, Float, PyTree

from dynplug.delivery.backend import Delivery
from dynplug.delivery.choice import choose, derives_by_matrix
from dynplug.delivery.fanout import Fanout
from dynplug.delivery.full_sums import Dense, Sparse
from dynplug.errors import ParameterError, ShapeError
from dynplug.plugin import build

_Tangent = Array | SymbolicZero | None


def deliver(
    x: ArrayLike, weight: ArrayLike, fanout: Fanout, *, method: str | Delivery = "auto"
) -> Float[Array, " post"]:
    r"""The weighted sums that units receive from others through their connections.

    $$y_i = \sum_{k:\, j \to i} w_k\,x_j$$

    Every method gives this sum, up to the order of its terms. Its derivative is that of the full sum whichever method
    takes it: the derivative with respect to a spike is not zero where there is none. A batch, by `jax.vmap`, costs what
    its events cost.

    **Arguments:**

    - `x`: the values that units send (pre,): spikes, 0 or 1, or any number; booleans count as 0 and 1 [-].
    - `weight`: one weight per connection, in the fanout's order (connections,), or one for all. Its dtype is that of
        the sum.
    - `fanout`: the connections, from `Fanout.of`.
    - `method`: `"events"` adds up the connections of the units with `x != 0`, one after the other by ascending index,
        in time proportional to their number; `"gather"` adds up the inputs of each unit, `"sparse"` all connections;
        `"dense"` multiplies by a matrix, where what is not a number reaches unconnected units, too; so do others by
        their names, which packages register, or a `Delivery`; `"auto"` takes the one that `choose(fanout)` names.

    **Raises:** `ShapeError` for arrays that do not fit the fanout; `ParameterError` for weights that are not floating,
    or a method that the fanout was not made for; `UnknownNameError` for a method that is not registered.

    ```python
    import jax.numpy as jnp
    from dynplug.delivery import Fanout, deliver

    fanout, order = Fanout.of(pre=[1, 0, 1], post=[0, 2, 1], pre_size=2, post_size=3)
    weight = jnp.array([0.1, 0.2, 0.3])[order]
    spikes = jnp.array([0.0, 1.0])
    assert jnp.allclose(deliver(spikes, weight, fanout), jnp.array([0.1, 0.3, 0.0]))
    ```
    """
    x, weight = jnp.asarray(x), jnp.asarray(weight)
    _check(x, weight, fanout)
    method = choose(fanout)[0] if method == "auto" else method
    backend = method if isinstance(method, Delivery) else build(method, kind="delivery")
    return _deliver(x.astype(weight.dtype), weight, fanout, backend)


@partial(jax.jit, static_argnames="backend", inline=True)
def _deliver(x: Array, weight: Array, fanout: Fanout, backend: Delivery) -> Array:
    # The derivative alone reads the senders of all connections. They are made here, so that a loop makes them once,
    # before its first step; where they are not used, nothing makes them.
    pre = fanout.pre
    run = backend if backend.derives_itself else _with_full_derivative(backend)
    if not weight.ndim:  # a weight for all can wait for the sum
        return weight * run(x, None, fanout, pre)
    return run(x, weight, fanout, pre)


def _check(x: Array, weight: Array, fanout: Fanout) -> None:
    if not jnp.issubdtype(weight.dtype, jnp.floating):
        raise ParameterError(f"deliver: weight is {weight.dtype}, but weights must be floating: convert them.")
    if jnp.issubdtype(x.dtype, jnp.complexfloating):
        raise ParameterError(f"deliver: x is {x.dtype}, but what units send must be real.")
    if x.shape != (fanout.pre_size,):
        raise ShapeError(f"deliver: x has shape {x.shape}, for {fanout.pre_size} sending units; batch by jax.vmap.")
    if weight.shape not in ((), fanout.post.shape):
        raise ShapeError(
            f"deliver: weight has shape {weight.shape}, for {len(fanout)} connections: give one for each, as "
            "values[order] with the order from Fanout.of, or one for all."
        )


@cache
def _with_full_derivative(backend: Delivery) -> Callable[..., Array]:
    """A delivery whose derivative is that of the full sum."""

    @jax.custom_jvp
    def run(x: Array, weight: Array | None, fanout: Fanout, pre: Array) -> Array:
        return backend(x, weight, fanout, pre)

    def rule(
        primals: tuple[Array, Array | None, Fanout, Array], tangents: tuple[_Tangent, _Tangent, PyTree, PyTree]
    ) -> tuple[Array, Array]:
        x, weight, fanout, pre = primals
        full_sum = Dense() if derives_by_matrix(fanout) else Sparse()
        found = [full_sum(dx, weight, fanout, pre) for dx in _moving(tangents[0])]
        # Without the checkpoint, the backward pass of a loop would keep what every connection carries in every step.
        # With it, `x` is kept.
        found += [jax.checkpoint(full_sum)(x, dw, fanout, pre) for dw in _moving(tangents[1])]
        y = run(x, weight, fanout, pre)
        return y, sum(found[1:], found[0]) if found else jnp.zeros_like(y)

    run.defjvp(rule, symbolic_zeros=True)
    return run


def _moving(tangent: _Tangent) -> list[Array]:
    """The tangent, unless there is none or it is known to be zero."""
    return [] if tangent is None or isinstance(tangent, SymbolicZero) else [tangent]
