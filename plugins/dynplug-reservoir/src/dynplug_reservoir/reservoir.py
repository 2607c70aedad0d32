"""The echo state network."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg
from jax.core import Tracer
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

import dynplug as dp
from dynplug.core import as_count, check_number
from dynplug.layers import as_activation, check_input


class ReservoirState(eqx.Module):
    """Hidden state."""

    h: Float[Array, " out"]


class Reservoir(dp.DynamicalSystem):
    r"""Echo state network. Puts out $h'$; starts at zero.

    $$h' = (1 - a)\,h + a\,\phi(W h + W_\mathrm{in} x + b)$$

    All weights are drawn once and stay: $W$ normal where there is a connection, then scaled so that the greatest
    absolute value of its eigenvalues is `spectral_radius`; $W_\mathrm{in}$ and $b$ uniform in
    $[-\mathrm{scale}, \mathrm{scale}]$. They are constants, which trainers change only where they are told to by
    `trainable`. A spectral radius below one usually lets the start be forgotten; with `tanh` it does so for certain
    where the greatest singular value of $W$ is below one too.

    ```python
    from dynplug_reservoir import Reservoir

    reservoir = Reservoir(1, 50, spectral_radius=0.8, key=jax.random.key(0))
    _, h = dp.LoopOverTime(reservoir, dt=1.0)(jnp.zeros((100, 1)).at[0].set(1.0))     # a pulse
    assert abs(h[-1]).max() < 1e-3 * abs(h[0]).max()     # is forgotten
    ```

    **Arguments:**

    - `in_size`: the number of inputs.
    - `out_size`: the number of units.
    - `spectral_radius`: of $W$, before the leak [-].
    - `leak`: $a$, the share of the new value; one number, or one a unit, in (0, 1] [-].
    - `sparsity`: the probability that one unit is connected to another, in (0, 1] [-].
    - `input_scale`: the greatest weight of an input [-].
    - `bias_scale`: the greatest bias [-].
    - `activation`: $\phi$.
    - `key`: a `jax.random.key`.

    **Raises:** `ParameterError`, also where the weights drawn have no eigenvalue but zero; `KeyRequiredError`.

    **Reference:** Jaeger, H. & Haas, H. (2004), Harnessing nonlinearity: predicting chaotic systems and saving energy
    in wireless communication, doi:10.1126/science.1091277.
    """

    activation: Callable[[Array], Array] = eqx.field(static=True)
    in_size: tuple[int] = eqx.field(static=True)
    out_size: tuple[int] = eqx.field(static=True)
    W: Float[Array, "out out"] = dp.param()
    W_in: Float[Array, "out in"] = dp.param()
    bias: Float[Array, " out"] = dp.param()
    leak: dp.Parameter = dp.param(positive=True)

    def __init__(
        self,
        in_size: int,
        out_size: int,
        *,
        spectral_radius: float = 0.9,
        leak: dp.Parameter = 1.0,
        sparsity: float = 0.1,
        input_scale: float = 1.0,
        bias_scale: float = 0.0,
        activation: Callable[[Array], Array] = jnp.tanh,
        key: PRNGKeyArray | None = None,
    ):
        as_count("in_size", in_size)
        as_count("out_size", out_size)
        if key is None:
            raise dp.errors.KeyRequiredError("A Reservoir's weights are drawn at random: pass key=jax.random.key(0).")
        check_number("Reservoir: sparsity", sparsity, above=0.0, most=1.0)
        for name, value in (
            ("spectral_radius", spectral_radius),
            ("input_scale", input_scale),
            ("bias_scale", bias_scale),
        ):
            check_number(f"Reservoir: {name}", value, least=0.0)
        W_key, in_key, b_key = jax.random.split(key, 3)
        self.W = _recurrent(W_key, out_size, spectral_radius, sparsity)
        self.W_in = jax.random.uniform(in_key, (out_size, in_size), minval=-input_scale, maxval=input_scale)
        self.bias = jax.random.uniform(b_key, (out_size,), minval=-bias_scale, maxval=bias_scale)
        self.leak = leak
        self.activation = as_activation("Reservoir", activation)
        self.in_size, self.out_size = (in_size,), (out_size,)

    def __check_init__(self) -> None:
        if np.shape(self.leak) not in ((), self.out_size):
            raise dp.errors.ParameterError(
                f"Reservoir(leak=...) has shape {np.shape(self.leak)}; give one number, or one a unit: {self.out_size}."
            )
        if not isinstance(self.leak, Tracer) and np.any(np.asarray(self.leak) > 1.0):
            raise dp.errors.ParameterError(f"Reservoir(leak=...) must lie above 0 and up to 1; got {self.leak}.")

    def init_state(self, ctx: dp.Context) -> ReservoirState:
        return ReservoirState(jnp.zeros(self.out_size, ctx.dtype))

    def update(self, state: ReservoirState, x: PyTree, ctx: dp.Context) -> tuple[ReservoirState, Float[Array, " out"]]:
        total = self.W @ state.h + self.W_in @ check_input(self, x, ctx.dtype, ctx) + self.bias
        h = (1.0 - self.leak) * state.h + self.leak * self.activation(total)
        return ReservoirState(h), h


def _recurrent(key: PRNGKeyArray, size: int, spectral_radius: float, sparsity: float) -> Array:
    """Normal weights on random connections, scaled on the host in double precision."""
    weight_key, mask_key = jax.random.split(key)
    mask = jax.random.bernoulli(mask_key, sparsity, (size, size))
    weight = np.where(mask, jax.random.normal(weight_key, (size, size)), 0.0).astype(np.float64)
    radius = np.abs(scipy.linalg.eigvals(weight)).max()
    if radius < np.finfo(np.float32).eps:
        raise dp.errors.ParameterError(
            f"With sparsity={sparsity}, the {size} units of this Reservoir form no cycle, so that no factor gives "
            "the spectral radius: raise sparsity or out_size, or draw with another key."
        )
    return jnp.asarray(weight * (spectral_radius / radius), float)
