"""Next generation reservoir computing."""

from collections.abc import Sequence
from itertools import combinations_with_replacement
from math import comb

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

import dynplug as dp
from dynplug.core import as_count, as_flag, as_whole
from dynplug.errors import ParameterError
from dynplug.layers import check_input


class NVARState(eqx.Module):
    """The last inputs, the newest first."""

    past: Float[Array, "length in"]


class NVAR(dp.DynamicalSystem):
    r"""Nonlinear vector autoregression: the present and delayed inputs, and products of them. Nothing is random.

    $$\mathbb O_t = c \oplus \mathbb O_{\mathrm{lin},t} \oplus \mathbb O^{(2)}_t \oplus \dots, \qquad
    \mathbb O_{\mathrm{lin},t} = x_t \oplus x_{t-s} \oplus \dots \oplus x_{t-(k-1)s}$$

    $\mathbb O^{(p)}$ holds every distinct product of $p$ entries of $\mathbb O_\mathrm{lin}$, in the order of
    `itertools.combinations_with_replacement`. Inputs from before the first step count as zero, so the first
    $(k-1)\,s$ outputs are incomplete: drop them by a trainer's `washout`.

    ```python
    from dynplug_reservoir import NVAR

    _, O = dp.LoopOverTime(NVAR(1, delay=2, order=2), dt=1.0)(jnp.array([[2.0], [3.0]]))
    assert O[-1].tolist() == [1.0, 3.0, 2.0, 9.0, 6.0, 4.0]     # c, x, x of before, and their products
    ```

    **Arguments:**

    - `in_size`: the number of inputs.
    - `delay`: $k$, the number of taps, the present input included.
    - `order`: the greatest order $p$, all from 2 on being there; or a list of the orders that are. 1 for none.
    - `stride`: $s$, the steps between taps.
    - `constant`: whether the first output is $c = 1$; without, there is none.

    **Raises:** `ParameterError`.

    **Reference:** Gauthier, D. J., Bollt, E., Griffith, A. & Barbosa, W. A. S. (2021), Next generation reservoir
    computing, doi:10.1038/s41467-021-25801-2.
    """

    delay: int = eqx.field(static=True)
    stride: int = eqx.field(static=True)
    orders: tuple[int, ...] = eqx.field(static=True)
    constant: bool = eqx.field(static=True)
    in_size: tuple[int] = eqx.field(static=True)
    out_size: tuple[int] = eqx.field(static=True)

    def __init__(
        self,
        in_size: int,
        delay: int = 2,
        order: int | Sequence[int] = 2,
        stride: int = 1,
        constant: bool = True,
    ):
        self.in_size = (as_count("in_size", in_size),)
        self.delay = as_whole("delay", delay, error=dp.errors.ParameterError)
        self.stride = as_whole("stride", stride, error=dp.errors.ParameterError)
        self.orders = _orders(order)
        self.constant = as_flag("NVAR: constant", constant, error=ParameterError)
        linear = in_size * delay
        self.out_size = (self.constant + linear + sum(comb(linear + p - 1, p) for p in self.orders),)

    def init_state(self, ctx: dp.Context) -> NVARState:
        return NVARState(jnp.zeros((1 + (self.delay - 1) * self.stride, *self.in_size), ctx.dtype))

    def update(self, state: NVARState, x: PyTree, ctx: dp.Context) -> tuple[NVARState, Float[Array, " out"]]:
        past = jnp.concatenate([check_input(self, x, ctx.dtype, ctx)[None], state.past[:-1]])
        linear = past[:: self.stride].reshape(-1)
        parts = [jnp.ones(1, past.dtype)] if self.constant else []
        parts += [linear, *(_monomials(linear, p) for p in self.orders)]
        return NVARState(past), jnp.concatenate(parts)


def _monomials(linear: Float[Array, " n"], order: int) -> Float[Array, " monomials"]:
    factors = np.array(list(combinations_with_replacement(range(linear.shape[0]), order)), np.int32)
    return jnp.prod(linear[factors], axis=1)


def _orders(order: object) -> tuple[int, ...]:
    if not isinstance(order, Sequence):
        return tuple(range(2, as_whole("order", order, error=dp.errors.ParameterError) + 1))
    return tuple(sorted({as_whole("order", p, least=2, error=dp.errors.ParameterError) for p in order}))
