"""The spike: a hard step forward, a smooth derivative backward."""

from abc import abstractmethod
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from dynplug.core import check_parameters


class Surrogate(eqx.Module):
    r"""The step function $\Theta(x) = [x \ge 0]$ whose derivative is replaced by a surrogate.

    Called on the distance to threshold, `surrogate(V - V_th)`, it gives exactly 0 or 1, in the dtype of its input, in
    training as in simulation. Where the distance is NaN, so is the spike: a unit that has blown up must not look
    silent. Implementing one: its parameters as fields, and `derivative(x)`.

    ```python
    class Rectangle(dp.surrogates.Surrogate):     # one of your own
        width: float = 1.0

        def derivative(self, x):
            return jnp.where(abs(x) < self.width / 2, 1.0 / self.width, 0.0)

    spikes, slopes = jax.vmap(jax.value_and_grad(Rectangle(0.5)))(jnp.array([-1.0, -0.2, 0.0]))
    assert spikes.tolist() == [0.0, 0.0, 1.0] and slopes.tolist() == [0.0, 2.0, 2.0]
    ```

    **Reference:** Neftci, E., Mostafa, H. & Zenke, F. (2019), Surrogate gradient learning in spiking neural networks,
    doi:10.1109/MSP.2019.2931595.
    """

    equation: ClassVar[str] = ""
    """The derivative as published, a text in `x` and the parameters: `1 / (1 + beta * abs(x))**2`.

    The conformance suite compares `derivative` with it, and `dynplug info` shows it. Nothing else reads it.
    """

    @abstractmethod
    def derivative(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
        """The surrogate for the derivative of the step at `x`."""

    def __check_init__(self) -> None:
        check_parameters(self)

    def __call__(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
        return _step(x, self)


@eqx.filter_custom_jvp
def _step(x: Array, surrogate: Surrogate) -> Array:
    return jnp.where(jnp.isnan(x), x, (x >= 0).astype(x.dtype))


@_step.def_jvp  # pyright: ignore[reportFunctionMemberAccess]
def _(primals: tuple[Array, Surrogate], tangents: tuple[Array | None, PyTree]) -> tuple[Array, Array]:
    (x, surrogate), (dx, _) = primals, tangents
    spike = _step(x, surrogate)
    return spike, jnp.zeros_like(x) if dx is None else surrogate.derivative(x) * dx
