"""The contract of ways to deliver."""

from abc import abstractmethod
from typing import ClassVar

import equinox as eqx
from jaxtyping import Array, Float, Int

from dynplug.delivery.fanout import Fanout

Weight = Float[Array, " connections"] | None
Pre = Int[Array, " connections"]


class Delivery(eqx.Module):
    r"""A way of taking the sum over the connections of what units send.

    $$y_i = \sum_{k:\, j \to i} w_k\,x_j$$

    The sum must be exact, up to the order of its terms, for whatever units send: numbers of any sign, all at once, or
    none. `deliver` calls it, with arrays that fit each other. Implementing one, whose fields hold no arrays:

    1. `self(x, weight, fanout, pre)` returns the sum of one sample. `jax.vmap` of it must give that of each sample.
    2. `suits(fanout, fixed)` returns the reason for which `"auto"` takes it, or `""`.
    3. `derives_itself` is true if JAX derives the sum. Otherwise its derivative is put in its place, in both modes.
    4. `reads_receivers` is true if it reads `fanout.fanin`, which networks then make.
    """

    derives_itself: ClassVar[bool] = False
    reads_receivers: ClassVar[bool] = False

    @abstractmethod
    def __call__(self, x: Float[Array, " pre"], weight: Weight, fanout: Fanout, pre: Pre) -> Float[Array, " post"]:
        """The sum.

        **Arguments:**

        - `x`: the values that the units send.
        - `weight`: the weights, with the dtype of `x`, in the order of the fanout; `None` for a weight of one for all.
        - `fanout`: the connections.
        - `pre`: the sending unit of each connection, which costs nothing where it is not used.
        """

    @abstractmethod
    def suits(self, fanout: Fanout, fixed: bool) -> str:
        """The reason why no other way takes less time for this fanout on this platform; empty where that is not so.

        **Arguments:**

        - `fanout`: the connections, whose number and sizes are known, but not the arrays.
        - `fixed`: whether weights stay the same from step to step, so that what is made of them is made once.
        """
