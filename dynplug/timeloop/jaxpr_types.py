"""The types of what passes handle: jaxprs and their parts, and the values that these stand for.

Only names that JAX exports are here; where JAX tells less than is known of a part, as of the types of variables,
`program` has a function that knows.
"""

from collections.abc import Callable, Hashable, Sequence
from typing import Protocol, runtime_checkable

import jax.extend.core as jex
import numpy as np
from jax.core import ShapedArray
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Array

Jaxpr = jex.Jaxpr
ClosedJaxpr = jex.ClosedJaxpr  # pyright: ignore[reportPrivateImportUsage] - JAX 0.12 has one kind
Eqn = jex.JaxprEqn
Var = jex.Var
Literal = jex.Literal
Atom = Var | Literal
Aval = ShapedArray  # an abstract value: a shape, a dtype, whether this is weak, a sharding
Effect = jex.Effect

Value = Array | np.ndarray  # tracers are arrays, too; NumPy has constants of a step, and tangents of integers
Values = Sequence[Value]
Tangent = Value | SymbolicZero
Function = Callable[..., list[Value]]  # of values, one by one


@runtime_checkable
class BatchAxis(Protocol):
    """The axis that `jax.vmap` adds, as a primitive's rule of batching is told it."""

    size: int
    name: Hashable
