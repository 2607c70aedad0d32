"""Properties of JAX's primitives, by name: cost, batchability, and whether they may be recomputed or folded.

**Invariant:** a primitive that is not listed stays inside the loop and is never repeated, which is always right. So a
primitive that a later JAX adds costs speed at most.

**Limits:** what is known of an equation is known from its primitive, its shapes and the equations that it calls, never
from values.
"""

from collections.abc import Container

import jax
import jax.numpy as jnp
import numpy as np

from dynplug.core import default_platform
from dynplug.timeloop.jaxpr_types import Atom, Eqn, Var
from dynplug.timeloop.program import CALLS, aval_of, is_var


def _listed(names: str) -> frozenset[str]:
    return frozenset(names.split())


# Multiplications in a product that is worth a stage of its own. Chosen, not measured: the smallest product of the
# networks in examples/benchmarks/time_loop.py takes 81,920.
_HEAVY_PRODUCT = 512

_PRODUCTS = {"dot_general", "conv_general_dilated", "ragged_dot_general"}
_FACTORISATIONS = {"cholesky", "triangular_solve", "lu", "qr", "eigh", "eig", "svd", "fft", "householder_product"}
_NESTED = {"scan", "custom_jvp_call", "custom_vjp_call", "custom_vjp_call_jaxpr"}

_ELEMENTWISE = _listed("""
    abs acos acosh add add_any and asin asinh atan atan2 atanh bessel_i0e bessel_i1e cbrt ceil clamp
    convert_element_type copy cos cosh digamma div eq erf erf_inv erfc exp exp2 expm1 floor ge gt igamma igammac
    imag integer_pow is_finite le lgamma log log1p logistic lt max min mul ne neg nextafter not or polygamma
    population_count pow real rem round rsqrt select_n shift_left shift_right_arithmetic shift_right_logical
    sign sin sinh sqrt square stop_gradient sub tan tanh xor name optimization_barrier clz bitcast_convert_type
    one_minus_square log2 polynomial complex conj igamma_grad_a regularized_incomplete_beta zeta
""")
_LAYOUT = _listed("""
    broadcast_in_dim concatenate dynamic_slice dynamic_update_slice expand_dims gather iota pad reshape rev
    scatter scatter-add scatter_add slice split squeeze transpose
""")
_REDUCTIONS = _listed("""
    argmax argmin cumlogsumexp cummax cummin cumprod cumsum reduce_and reduce_max reduce_min reduce_or
    reduce_prod reduce_sum reduce_xor reduce_window_max reduce_window_sum reduce_window_min reduce_window
    select_and_scatter_add sort top_k
""")
_RANDOM = _listed("""
    random_bits random_fold_in random_seed random_split random_unwrap random_wrap threefry2x32
""")

# For these, one call under `jax.vmap` is known to equal one call a step.
_BATCHABLE = _PRODUCTS | _FACTORISATIONS | _ELEMENTWISE | _LAYOUT | _REDUCTIONS

# For these, computing again is cheaper than writing a result of every step to memory and reading it back.
_CHEAP = {"reduce_and", "reduce_max", "reduce_min", "reduce_or", "reduce_sum"} | _ELEMENTWISE | _LAYOUT


def is_heavy(eqn: Eqn) -> bool:
    """Whether an equation is worth a stage of its own, as all steps at once cost less than one after the other."""
    name = eqn.primitive.name
    if name in _PRODUCTS:
        return multiplications(eqn) >= _HEAVY_PRODUCT and is_batchable(eqn)
    if name in _NESTED:
        return any(is_heavy(inner) for inner in inner_eqns(eqn))
    return name in _FACTORISATIONS


def _is_grouped(eqn: Eqn) -> bool:
    """Whether it is a grouped convolution.

    Outside of a loop, XLA's for CPUs takes ten times as long and more: see "grouped conv" in
    examples/benchmarks/README.md.
    """
    return eqn.params.get("feature_group_count", 1) * eqn.params.get("batch_group_count", 1) > 1


def is_batchable(eqn: Eqn) -> bool:
    """Whether one call for all steps gives the same as one call a step."""
    name = eqn.primitive.name
    if name in _NESTED:
        return all(is_batchable(inner) for inner in inner_eqns(eqn))
    if name in _RANDOM:  # generators other than threefry draw other numbers under vmap
        return all(str(aval_of(v).dtype) == "key<fry>" for v in (*eqn.invars, *eqn.outvars) if is_key(v))
    return name in _BATCHABLE and not (_is_grouped(eqn) and default_platform() == "cpu")


def has_own_transpose(eqn: Eqn) -> bool:
    """Whether it contains a user's own backward pass (`custom_vjp`), which need not be linear."""
    return any(e.primitive.name.startswith("custom_vjp") for e in (eqn, *inner_eqns(eqn)))


def has_own_derivative(eqn: Eqn) -> bool:
    """Whether it contains a user's own derivative (`custom_jvp`), such as a surrogate gradient."""
    return any(e.primitive.name.startswith("custom_jvp") for e in (eqn, *inner_eqns(eqn)))


def is_recomputable(eqn: Eqn) -> bool:
    """Whether the backward pass may recompute an equation rather than keep its result."""
    return eqn.primitive.name in _CHEAP or (
        eqn.primitive.name in _NESTED - {"scan"} and all(is_recomputable(inner) for inner in inner_eqns(eqn))
    )


def is_foldable(eqn: Eqn) -> bool:
    """Whether an equation is cheap to compute at compile time, with the same result wherever it is computed."""
    return eqn.primitive.name in _ELEMENTWISE | _LAYOUT and not any(map(is_key, (*eqn.invars, *eqn.outvars)))


def is_layout(eqn: Eqn) -> bool:
    """Whether an equation only moves, repeats or converts values."""
    return eqn.primitive.name in _LAYOUT or eqn.primitive.name == "convert_element_type"


def multiplications(eqn: Eqn) -> int:
    """The number of multiplications in a product; 0 for all other equations."""
    if eqn.primitive.name not in _PRODUCTS:
        return 0
    out = int(np.prod(aval_of(eqn.outvars[0]).shape, dtype=np.int64))
    lhs, rhs = (aval_of(v).shape for v in eqn.invars[:2])
    if eqn.primitive.name == "dot_general":
        contracted = eqn.params["dimension_numbers"][0][0]
        return out * int(np.prod([lhs[d] for d in contracted], dtype=np.int64))
    if eqn.primitive.name == "conv_general_dilated":
        spec = eqn.params["dimension_numbers"].rhs_spec
        return out * int(np.prod([rhs[d] for d in spec[1:]], dtype=np.int64))
    return out * int(rhs[-1])


def row_count(eqn: Eqn, invariant: Container[Var]) -> int:
    """The rows of a product in one step: the size of its result without the axes of a loop-invariant operand."""
    rows = int(np.prod(aval_of(eqn.outvars[0]).shape, dtype=np.int64))
    if eqn.primitive.name == "dot_general":
        contracted, batch = eqn.params["dimension_numbers"]
        for v, c, b in zip(eqn.invars, contracted, batch, strict=True):
            if is_var(v) and v in invariant:
                rows //= int(np.prod([n for d, n in enumerate(aval_of(v).shape) if d not in (*c, *b)], dtype=np.int64))
    elif eqn.primitive.name == "conv_general_dilated":
        rows //= aval_of(eqn.invars[1]).shape[eqn.params["dimension_numbers"].rhs_spec[0]]
    return max(1, rows)


def inner_eqns(eqn: Eqn) -> list[Eqn]:
    """The equations within an equation, those of nested calls included."""
    found: list[Eqn] = []
    for value in eqn.params.values():
        jaxpr = getattr(value, "jaxpr", value)
        for inner in getattr(jaxpr, "eqns", ()):
            found += inner_eqns(inner) if inner.primitive.name in CALLS else [inner]
    return found


def is_key(v: Atom) -> bool:
    """Whether a variable holds random keys."""
    return jnp.issubdtype(aval_of(v).dtype, jax.dtypes.prng_key)
