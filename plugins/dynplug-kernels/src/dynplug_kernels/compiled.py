"""Delivery by a kernel in C++."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from dynplug.delivery import Delivery, Dense, Fanout
from dynplug_kernels import _rows

_NAME = "dynplug_kernels_rows"
_WIDE = (jnp.float32, jnp.float64)

jax.ffi.register_ffi_target(_NAME, _rows.rows, platform="cpu")


class Compiled(Delivery):
    r"""The connections of the units that send something, one unit after the other by ascending index, in C++.

    $$y_i = \sum_{j:\, x_j \ne 0} \; \sum_{k:\, j \to i} w_k\,x_j$$

    Sums are those of `"events"`, bit for bit, in single and double precision; in half precision they are taken in
    single. The samples of a batch are one call, which shares weights and connections where the batch does, and whose
    samples are taken by several threads where they are many. It runs on CPUs.

    ```python
    from dynplug.delivery import Fanout, deliver

    fanout, order = Fanout.of(pre=[1, 0, 1], post=[0, 2, 1], pre_size=2, post_size=3)
    weight = jnp.array([0.1, 0.2, 0.3])[order]
    assert np.allclose(deliver(jnp.array([0.0, 1.0]), weight, fanout, method="compiled"), [0.1, 0.3, 0.0])
    ```

    **Reference:** Gustavson, F. G. (1978), Two fast algorithms for sparse matrices: multiplication and permuted
    transposition, doi:10.1145/355791.355796.
    """

    def __call__(
        self,
        x: Float[Array, " pre"],
        weight: Float[Array, " connections"] | None,
        fanout: Fanout,
        pre: Int[Array, " connections"],
    ) -> Float[Array, " post"]:
        dtype = x.dtype if x.dtype in _WIDE else jnp.dtype(jnp.float32)
        one_or_more = jnp.ones(1, dtype) if weight is None else weight.astype(dtype)
        sums = jax.ShapeDtypeStruct((fanout.post_size,), dtype)
        call = jax.ffi.ffi_call(_NAME, sums, vmap_method="expand_dims")
        return call(x.astype(dtype), one_or_more, fanout.start, fanout.post).astype(x.dtype)

    def suits(self, fanout: Fanout, fixed: bool) -> str:
        if jax.default_backend() != "cpu" or Dense().suits(fanout, fixed):
            return ""
        return "on a CPU the connections of the active units alone, in C++"
