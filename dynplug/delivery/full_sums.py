"""Delivery over all connections, whichever units are active: by segments, by the inputs of each unit, by a matrix."""

from typing import ClassVar, TypedDict

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from dynplug.delivery.backend import Delivery, Pre, Weight
from dynplug.delivery.fanout import Fanout
from dynplug.errors import ParameterError

# Measured by examples/benchmarks/delivery.py, on a CPU; the last chosen.
_FEW = 128 * 128  # pairs of units, below which a product takes less time than a loop takes to begin
_DENSE = 0.25  # the share of pairs that are connected, below which a product does too much in vain
_UNEVEN = 4.0  # the longest row of inputs in units of the mean one, above which rows are mostly padding


class _Indexing(TypedDict):
    mode: str
    wrap_negative_indices: bool


# Indices that a fanout has checked need no comparisons with bounds in every step.
_AS_IT_IS = _Indexing(mode="promise_in_bounds", wrap_negative_indices=False)


class Sparse(Delivery):
    r"""Adds the contribution of every connection to its target unit.

    $$y_i = \sum_k [k \to i]\, w_k\,x_{j(k)}$$

    ```python
    from dynplug.delivery import Fanout, deliver

    fanout, order = Fanout.of(pre=[1, 0, 1], post=[0, 2, 1], pre_size=2, post_size=3)
    weight = jnp.array([0.1, 0.2, 0.3])[order]
    assert np.allclose(deliver(jnp.array([0.0, 1.0]), weight, fanout, method="sparse"), [0.1, 0.3, 0.0])
    ```

    **Reference:** Bell, N. & Garland, M. (2009), Implementing sparse matrix-vector multiplication on
    throughput-oriented processors, doi:10.1145/1654059.1654078.
    """

    def __call__(self, x: Float[Array, " pre"], weight: Weight, fanout: Fanout, pre: Pre) -> Float[Array, " post"]:
        sent = x.at[pre].get(**_AS_IT_IS, indices_are_sorted=True)
        sent = sent if weight is None else weight * sent
        return jnp.zeros(fanout.post_size, x.dtype).at[fanout.post].add(sent, **_AS_IT_IS)

    def suits(self, fanout: Fanout, fixed: bool) -> str:
        if jax.default_backend() == "cpu":
            return ""
        if fanout.fanin is None:
            return "on an accelerator all connections; the fanout was made without by_receiver=True"
        return f"on an accelerator all connections; rows of inputs would be padded {_unevenness(fanout):.0f} times"


class Gather(Delivery):
    r"""The inputs of each unit, in rows that are padded to the longest, gathered and added up.

    $$y_i = \sum_{n=1}^{\max_i d_i} w_{in}\,x_{j(i, n)}$$

    $d_i$ is the number of inputs of a unit, and what is padded counts nothing. The fanout must hold `fanin`.

    ```python
    from dynplug.delivery import Fanout, deliver

    fanout, order = Fanout.of(pre=[1, 0, 1], post=[0, 2, 1], pre_size=2, post_size=3, by_receiver=True)
    weight = jnp.array([0.1, 0.2, 0.3])[order]
    assert np.allclose(deliver(jnp.array([0.0, 1.0]), weight, fanout, method="gather"), [0.1, 0.3, 0.0])
    ```

    **Reference:** Bell, N. & Garland, M. (2009), Implementing sparse matrix-vector multiplication on
    throughput-oriented processors, doi:10.1145/1654059.1654078.
    """

    reads_receivers: ClassVar[bool] = True

    def __call__(self, x: Float[Array, " pre"], weight: Weight, fanout: Fanout, pre: Pre) -> Float[Array, " post"]:
        if fanout.fanin is None:
            raise ParameterError(
                'deliver(method="gather") reads connections by receiving unit, which this fanout does not hold: make '
                "it by Fanout.of(..., by_receiver=True)."
            )
        sent = x.at[fanout.fanin.pre].get(mode="fill", fill_value=0)
        if weight is not None:
            sent = sent * weight.at[fanout.fanin.connection].get(mode="fill", fill_value=0)
        return sent.sum(1)

    def suits(self, fanout: Fanout, fixed: bool) -> str:
        if jax.default_backend() == "cpu" or fanout.fanin is None or _unevenness(fanout) > _UNEVEN:
            return ""
        return "on an accelerator all inputs of each unit, which takes less time than to ask which are active"


class Dense(Delivery):
    r"""The product with the matrix of all pairs, where what is not a number reaches unconnected units, too.

    $$y = W x, \qquad W_{ij} = \sum_{k:\, j \to i} w_k$$

    ```python
    from dynplug.delivery import Fanout, deliver

    fanout, order = Fanout.of(pre=[1, 0, 1], post=[0, 2, 1], pre_size=2, post_size=3)
    weight = jnp.array([0.1, 0.2, 0.3])[order]
    assert np.allclose(deliver(jnp.array([0.0, 1.0]), weight, fanout, method="dense"), [0.1, 0.3, 0.0])
    ```

    **Reference:** Dongarra, J. J. et al. (1988), An extended set of FORTRAN basic linear algebra subprograms,
    doi:10.1145/42288.42291.
    """

    derives_itself: ClassVar[bool] = True  # the derivative is a product again

    def __call__(self, x: Float[Array, " pre"], weight: Weight, fanout: Fanout, pre: Pre) -> Float[Array, " post"]:
        matrix = jnp.zeros((fanout.post_size, fanout.pre_size), x.dtype)
        return matrix.at[fanout.post, pre].add(1 if weight is None else weight, **_AS_IT_IS) @ x

    def suits(self, fanout: Fanout, fixed: bool) -> str:
        pairs = fanout.pre_size * fanout.post_size
        density = len(fanout) / max(1, pairs)
        if not fixed or pairs > _FEW or density < _DENSE:
            return ""
        return f"{pairs} pairs of units, {density:.0%} of them connected: a small product"


def _unevenness(fanout: Fanout) -> float:
    return 0.0 if fanout.fanin is None else fanout.fanin.pre.size / max(1, len(fanout))
