"""The precision in which a trainer computes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import PyTree

from dynplug.core import as_number, as_whole, leaves
from dynplug.errors import OptionError
from dynplug.train.step.loss_scale import LARGEST, LEAST, LossScale, Scaling, Unscaled
from dynplug.train.step.reduced_products import reduced

_COMPUTE = ("float32", "bfloat16", "float16")


@dataclass(frozen=True)
class Precision:
    r"""Mixed precision: products on operands of few bits, all else in float32.

    $$y = \sum_k \mathrm{round}(W_{ik})\, \mathrm{round}(x_k)$$

    for the matrix products and convolutions of the forward and the backward pass, of a model's own as of any library's,
    with the sum in float32. Parameters, what the optimizer remembers, states of neurons and synapses, their gradients
    and the loss are float32: an update of a weight that is too small for `compute` is not lost.

    There is no choice of fewer bits for states and parameters. A step of 0.1 ms moves a potential that is 10 mV above
    rest by 0.05 mV, if its time constant is 20 ms; numbers of bfloat16 are 0.25 mV apart at -55 mV, so that it would
    stay there. Nor would it save memory to round what the backward pass keeps of a step. From the potential of a LIF
    neuron, 4 bytes, it computes the spike and all derivatives; rounded, the potential would be on the other side of the
    threshold now and then, and of derivatives, with 2 bytes each, more than one would have to be kept. `remat` and
    `truncate` save memory. Weights are rounded where products read them: a copy of fewer bits would be the same.

    In float16, gradients below 6e-8 would be zero in products. The loss is therefore scaled up before its gradient is
    taken, and the gradient down again; a step whose gradient is not finite is left out, and the scale halved, and it is
    doubled after `good_steps` steps in a row that were good. It is logged as `"loss_scale"`. At a scale of 1 a gradient
    that is not finite is an error, as it is in the other precisions.

    ```python
    model = dp.layers.Dense(4, 1, key=jax.random.key(0))
    trainer = dp.BPTT(model, "mse", dt=1.0, precision="bfloat16")
    trainer = dp.BPTT(model, "mse", dt=1.0, precision=dp.train.Precision("float16", loss_scale=1024.0))
    assert trainer.precision.compute == "float16"
    ```

    **Arguments:**

    - `compute`: of the operands of products: `"float32"`, `"bfloat16"` or `"float16"`.
    - `loss_scale`: the scale at first, for float16 [-].
    - `good_steps`: the number of steps after which it is doubled.

    **Raises:** `OptionError`.

    **Reference:** Micikevicius, P. et al. (2018), Mixed precision training, arXiv:1710.03740.
    """

    compute: str = "float32"
    loss_scale: float = 2.0**15
    good_steps: int = 2000

    def __post_init__(self) -> None:
        if self.compute not in _COMPUTE:
            raise OptionError(f"precision={self.compute!r} is none of {', '.join(_COMPUTE)}.")
        if not LEAST <= as_number("loss_scale", self.loss_scale) <= LARGEST:
            raise OptionError(f"loss_scale={self.loss_scale!r} must be a number from {LEAST:g} to {LARGEST:g} (2**24).")
        as_whole("good_steps", self.good_steps)

    @property
    def is_mixed(self) -> bool:
        """Whether anything is computed in less than float32."""
        return self.compute != "float32"

    @property
    def scaling(self) -> Scaling:
        """The scale of losses for this precision."""
        return LossScale(self.loss_scale, self.good_steps) if self.compute == "float16" else Unscaled()

    def products(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A function of trees of arrays, with its products in this precision."""
        return reduced(function, self.compute) if self.is_mixed else function

    def check(self, model: PyTree, jit: bool) -> None:
        """Raise `OptionError` for a model whose parameters are not float32, or where nothing is compiled."""
        if not self.is_mixed:
            return
        others = {leaf.path: leaf.value.dtype for leaf in leaves(model) if eqx.is_inexact_array(leaf.value)}
        told = [f"{path} is {dtype}" for path, dtype in others.items() if dtype != jnp.float32]
        if told:
            raise OptionError(
                f"precision={self.compute!r} trains parameters in float32, but {', '.join(told)}. Make the model in "
                "float32, without jax_enable_x64, or leave out precision."
            )
        if not jit:
            raise OptionError(f"precision={self.compute!r} is for compiled programs: leave out jit=False, or it.")

    def describe(self) -> str:
        """The sentence that `explain` adds."""
        if not self.is_mixed:
            return ""
        scaled = f" The loss is scaled, at first by {self.loss_scale:g}." if self.compute == "float16" else ""
        return (
            f"Precision: operands of products are rounded to {self.compute} and summed in float32, in the forward and "
            f"the backward pass; parameters, states and loss are float32.{scaled}"
        )


def as_precision(given: object) -> Precision:
    """A precision from one, from a name, or from a table of its arguments. **Raises:** `OptionError`."""
    if isinstance(given, Precision):
        return given
    if isinstance(given, Mapping):
        try:
            return Precision(**given)
        except TypeError as error:
            raise OptionError(
                f"precision={dict(given)!r}: {error}. It takes compute, loss_scale, good_steps."
            ) from error
    if not isinstance(given, str):
        raise OptionError(f"precision={given!r}: give one of {', '.join(map(repr, _COMPUTE))}, or a Precision.")
    return Precision(given)
