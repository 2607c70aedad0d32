"""Values through which no derivative may be asked."""

from functools import partial
from typing import Never

import equinox as eqx
import jax
from jaxtyping import PyTree

from dynplug.errors import PlasticityError


def without_derivative(where: str, values: PyTree) -> PyTree:
    """The values as they are; whoever differentiates with respect to them, or to what they depend on, gets an error.

    **Arguments:**

    - `where`: the path of the projection, for the message.
    - `values`: a tree.

    **Raises:** `PlasticityError`, when the derivative is traced.
    """
    arrays, rest = eqx.partition(values, eqx.is_inexact_array)
    return eqx.combine(_opaque(where, arrays), rest)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _opaque(where: str, arrays: PyTree) -> PyTree:
    return arrays


@_opaque.defjvp
def _refuse(where: str, primals: PyTree, tangents: PyTree) -> Never:
    # JAX calls this only if a tangent is not known to be zero.
    raise PlasticityError(
        f"{where}: a derivative is asked through weights that plasticity changes, which has none: spikes that cause a "
        "change have no slope in it. Train without `plasticity`; or run first, and train with the weights that the run "
        "made, Projection(..., weight=...); or differentiate only with respect to parts that do not reach this "
        "projection, such as a readout."
    )
