"""Functions that compilers of kernels lack, from arithmetic, exponentials and the bits of numbers.

**Invariant:** where a result is a normal number it is off by at most 6 units in the last place, of `power` in float64
by 16; `floor`, `remainder` and the like are exact. Infinities, NaN and signs of zero are those of the function.

**Limits:** `float32` and `float64`, but for `bit_count` and `next_after`. XLA may flush numbers below the
smallest normal one to zero.

**Reference:** of `expm1`, W. Kahan's formula in N. J. Higham: Accuracy and Stability of Numerical Algorithms, 2nd ed.
(SIAM, 2002), section 1.14.1, doi:10.1137/1.9780898718027; of sums and products in two parts, T. J. Dekker: A
floating-point technique for extending the available precision, Numerische Mathematik 18 (1971), 224,
doi:10.1007/BF01397083.
"""

from functools import reduce

import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array

LN2 = float(np.log(2.0))  # ln 2 [-]


def where(condition: Array, a: ArrayLike, b: ArrayLike) -> Array:
    """`a` where the condition holds, else `b`; one of them may be a number."""
    like = a if hasattr(a, "dtype") else b
    return lax.select(condition, *(v if hasattr(v, "dtype") else jnp.full_like(like, v) for v in (a, b)))


def with_sign_of(x: Array, size: Array) -> Array:
    """A value of at least zero with the sign of `x`, also with that of a zero."""
    return _number(lax.bitwise_or(_bits(size), _bits(x) & _bits(jnp.full_like(x, -0.0))), x)


# -- Whole numbers -------------------------------------------------------------------------------------------------


def is_finite(x: Array) -> Array:
    """True where a number is neither infinite nor NaN."""
    return lax.abs(x) < jnp.inf


def floor(x: Array) -> Array:
    """The largest whole number that is not above."""
    size = lax.abs(x)
    outside = (size >= 2.0 ** jnp.finfo(x.dtype).nmant) | (x != x) | (x == 0.0)  # whole, or NaN; zeros have signs
    cut = where(outside, 0.0, x).astype(_whole(x)).astype(x.dtype)
    return where(outside, x, where(cut > x, cut - 1.0, cut))


def ceil(x: Array) -> Array:
    """The smallest whole number that is not below."""
    return -floor(-x)


def round_to_even(x: Array) -> Array:
    """The nearest whole number; of two, the even one."""
    size = lax.abs(x)
    below = floor(size)
    part, odd = size - below, floor(below * 0.5) != below * 0.5
    return with_sign_of(x, where((part > 0.5) | ((part == 0.5) & odd), below + 1.0, below))


def round_from_zero(x: Array) -> Array:
    """The nearest whole number; of two, the larger one in size."""
    size = lax.abs(x)
    below = floor(size)
    return with_sign_of(x, where(size - below >= 0.5, below + 1.0, below))


def remainder(x: Array, y: Array) -> Array:
    """The remainder of a division, with the sign of `x`, by long division of as many digits at once as are exact."""
    a, b = lax.abs(x), lax.abs(y)
    ma, ea = _mantissa_and_exponent(a)
    mb, eb = _mantissa_and_exponent(b)
    info = jnp.finfo(x.dtype)
    digits, upper = info.nmant // 2 - 1, _upper_half(mb)

    def divide(_: Array, state: tuple[Array, Array]) -> tuple[Array, Array]:
        left, more = state
        now = lax.min(more, jnp.full_like(more, digits))
        scaled = left * _power_of_two(now, x)
        quotient = floor(scaled / mb)  # of so few digits that its products with the parts of mb are exact
        found = (scaled - quotient * upper) - quotient * (mb - upper)
        return where(found < 0.0, found + mb, found), more - now

    more = lax.max(ea - eb, jnp.zeros_like(ea))
    rounds = -(-(info.maxexp - info.minexp + info.nmant) // digits)
    left, _ = lax.fori_loop(jnp.int32(0), jnp.int32(rounds), divide, (where(ma >= mb, ma - mb, ma), more))
    found = with_sign_of(x, where(a < b, a, _scaled(left, eb)))
    return where((a == jnp.inf) | (b == 0.0) | (x != x) | (y != y), jnp.nan, found)


def next_after(x: Array, y: Array) -> Array:
    """The next number from `x` towards `y`."""
    bits = _bits(x)
    one = jnp.ones_like(bits)
    moved = _number(where((y > x) == (x > 0.0), bits + one, bits - one), x)
    moved = where(x == 0.0, with_sign_of(y, _number(one, x)), moved)
    return where((x != x) | (y != y), jnp.nan, where(x == y, y, moved))


def bit_count(x: Array) -> Array:
    """The number of bits that are set, of whole numbers: sums of neighbours, of ever more bits."""
    unsigned = lax.bitcast_convert_type(x, jnp.uint64 if x.dtype.itemsize == 8 else jnp.uint32)
    size = 8 * x.dtype.itemsize
    shift = 1
    while shift < size:
        mask = sum(((1 << shift) - 1) << at for at in range(0, size, 2 * shift))
        wide = jnp.full_like(unsigned, mask)
        unsigned = (unsigned & wide) + (lax.shift_right_logical(unsigned, jnp.full_like(unsigned, shift)) & wide)
        shift *= 2
    return unsigned.astype(x.dtype)


# -- Powers, exponentials and logarithms ---------------------------------------------------------------------------


def integer_power(x: Array, y: int) -> Array:
    """`x**y` by repeated squaring, in the order in which XLA multiplies."""
    one = jnp.ones_like(x)
    factors, square, left = [], x, abs(y)
    while left:
        if left & 1:
            factors.append(square)
        left >>= 1
        if left:
            square = lax.mul(square, square)
    found = reduce(lax.mul, factors) if factors else one
    return lax.div(one, found) if y < 0 else found


def power(x: Array, y: Array) -> Array:
    """`x**y` as two to the power of `y log2(x)`, which is computed in two parts, for its size is lost in the result."""
    y = y.astype(x.dtype)
    a = lax.abs(x)
    m, e = _mantissa_and_exponent(a)
    large = m > 1.4142135
    m, e = where(large, m * 0.5, m), where(large, e + 1, e)

    # The logarithm of m is 2 artanh(s) for s = (m - 1) / (m + 1), of which the first term of a series needs two parts.
    f, (sum_, sum_low) = m - 1.0, _sum(m, jnp.ones_like(m))
    s = f / sum_
    product, rest = _product(s, sum_)
    s_low = (((f - product) - rest) - s * sum_low) / sum_
    square, series = s * s, jnp.zeros_like(x)
    for k in range(4 if x.dtype == jnp.float32 else 11, 0, -1):
        series = series * square + 2.0 / (2 * k + 1)
    high = float(np.asarray(1.0 / LN2, x.dtype))
    low = float(np.longdouble(1.0) / np.log(np.longdouble(2.0)) - np.longdouble(high))
    log, log_low = _product(2.0 * s, jnp.full_like(x, high))
    log_low = log_low + (2.0 * s * low + (2.0 * s_low + s * square * series) * high)
    log, more = _sum(e.astype(x.dtype), log)
    log_low = log_low + more

    info = jnp.finfo(x.dtype)
    most = jnp.full_like(y, 2.0 ** (info.nmant + info.nexp + 2))  # above, all but powers of one are zero or infinite
    bounded = lax.clamp(-most, y, most)
    product, rest = _product(bounded, log)
    rest = rest + bounded * log_low
    limit = 4.0 * info.maxexp
    whole = round_to_even(lax.clamp(jnp.full_like(x, -limit), product, jnp.full_like(x, limit)))
    part = where(lax.abs(product) < limit, (product - whole) + rest, 0.0)
    size = _scaled(lax.exp(part * LN2), whole.astype(_whole(x)))

    size = where((a == 0.0) | (a == jnp.inf), where((a == 0.0) == (y > 0.0), jnp.zeros_like(x), jnp.inf), size)
    is_whole, is_odd = floor(y) == y, floor(y * 0.5) != y * 0.5
    signed = where(is_whole & is_odd & (lax.abs(y) < jnp.inf), with_sign_of(x, size), size)
    is_nan = (x != x) | (y != y) | ((x < 0.0) & (a < jnp.inf) & (floor(y) != y))
    return where((y == 0.0) | (x == 1.0), 1.0, where(is_nan, jnp.nan, signed))


def polynomial(x: Array, *coefficients: Array) -> Array:
    """The polynomial with these coefficients, lowest degree first, by Horner's rule."""
    return reduce(lambda found, c: found * x + c, reversed(coefficients))


def bell(x: Array) -> Array:
    """`exp(-x²)` of numbers above zero, whose squares need two parts."""
    x = lax.min(x, jnp.full_like(x, 40.0))
    upper = _upper_half(x)
    rest = (upper - x) * (upper + x)  # so small that a few terms are its exponential
    factor = jnp.ones_like(x)
    for k in range(6, 0, -1):
        factor = 1.0 + rest * factor / k
    return lax.exp(-upper * upper) * factor


def cube_root(x: Array) -> Array:
    """The real cube root, by a step of Newton's method."""
    a = lax.abs(x)
    regular = (a > 0.0) & (a < jnp.inf)
    safe = where(regular, a, 1.0)
    root = lax.exp(lax.log(safe) / 3.0)
    root = root - (root - safe / (root * root)) / 3.0
    return where(regular, with_sign_of(x, root), x)


def log1p(x: Array) -> Array:
    """`log(1 + x)`."""
    # log(1 + x) = 2 artanh(s) for s = x / (2 + x), by its series near zero, where 1 + x would round x away.
    one, two = jnp.ones_like(x), jnp.full_like(x, 2.0)
    near = lax.lt(lax.abs(x), jnp.full_like(x, 0.5))
    small = lax.select(near, x, jnp.zeros_like(x))
    s = lax.div(small, lax.add(two, small))
    square, series = lax.mul(s, s), jnp.zeros_like(x)
    for k in range(8 if x.dtype == jnp.float32 else 17, -1, -1):
        series = lax.add(lax.mul(series, square), jnp.full_like(x, 2.0 / (2 * k + 1)))
    exact_zero = lax.eq(x, jnp.zeros_like(x))  # which keeps its sign
    return lax.select(exact_zero, x, lax.select(near, lax.mul(s, series), lax.log(lax.add(one, x))))


def expm1(x: Array) -> Array:
    """`exp(x) - 1`."""
    one = jnp.ones_like(x)
    u = lax.exp(x)
    near, low = lax.eq(u, one), lax.le(lax.sub(u, one), lax.neg(one))
    high = lax.gt(x, jnp.full_like(x, 40.0))  # there exp(x) - 1 rounds to exp(x), which may be infinite
    safe = lax.select(lax.bitwise_or(near, lax.bitwise_or(low, high)), jnp.full_like(x, 2.0), u)
    value = lax.mul(lax.sub(safe, one), lax.div(x, lax.log(safe)))
    return lax.select(near, x, lax.select(low, lax.neg(one), lax.select(high, u, value)))


# -- Hyperbolic functions and their inverses -----------------------------------------------------------------------


def sinh(x: Array) -> Array:
    """The hyperbolic sine."""
    half = lax.exp(0.5 * lax.abs(x))  # squared below, which overflows no earlier than the result
    e = expm1(lax.abs(x))
    small = 0.5 * (e + e / (e + 1.0))
    return with_sign_of(x, where(lax.abs(x) < 20.0, small, (0.5 * half) * half))


def cosh(x: Array) -> Array:
    """The hyperbolic cosine."""
    e = lax.exp(0.5 * lax.abs(x))
    return (0.5 * e) * e + (0.5 / e) / e


def asinh(x: Array) -> Array:
    """The inverse hyperbolic sine."""
    a = lax.abs(x)
    large = a > 1e8
    safe = where(large, 1.0, a)
    value = log1p(safe + safe * safe / (1.0 + lax.sqrt(safe * safe + 1.0)))
    return with_sign_of(x, where(large, lax.log(a) + LN2, value))


def acosh(x: Array) -> Array:
    """The inverse hyperbolic cosine."""
    large = x > 1e8
    above = where(large, 1.0, x) - 1.0
    found = where(large, lax.log(x) + LN2, log1p(above + lax.sqrt(above * (above + 2.0))))
    return where(x >= 1.0, found, jnp.nan)


def atanh(x: Array) -> Array:
    """The inverse hyperbolic tangent."""
    a = lax.abs(x)
    return with_sign_of(x, where(a == 1.0, jnp.inf, 0.5 * log1p(2.0 * a / where(a == 1.0, 1.0, 1.0 - a))))


# -- The bits of numbers, and arithmetic in two parts --------------------------------------------------------------


def _whole(x: Array) -> str:
    return f"int{8 * x.dtype.itemsize}"


def _bits(x: Array) -> Array:
    return lax.bitcast_convert_type(x, _whole(x))


def _number(bits: Array, like: Array) -> Array:
    return lax.bitcast_convert_type(bits, like.dtype)


def _power_of_two(e: Array, like: Array) -> Array:
    """Two to the power of a whole number, if that is normal."""
    info = jnp.finfo(like.dtype)
    return _number((e + (info.maxexp - 1)) << info.nmant, like)


def _scaled(x: Array, e: Array) -> Array:
    """`x` times two to the power of `e`, in three factors, as one may be no normal number though the result is."""
    most = jnp.finfo(x.dtype).maxexp - 2
    e = lax.clamp(jnp.full_like(e, -3 * most), e, jnp.full_like(e, 3 * most))
    first = lax.clamp(jnp.full_like(e, -most), e, jnp.full_like(e, most))
    second = lax.clamp(jnp.full_like(e, -most), e - first, jnp.full_like(e, most))
    return x * _power_of_two(first, x) * _power_of_two(second, x) * _power_of_two(e - first - second, x)


def _mantissa_and_exponent(a: Array) -> tuple[Array, Array]:
    """Of a number above zero: what lies from 1 to below 2, and the power of two that it is multiplied by."""
    info = jnp.finfo(a.dtype)
    small = a < float(info.tiny)
    bits = _bits(where(small, a * 2.0**info.nmant, a))
    mantissa = (bits & ((1 << info.nmant) - 1)) | _bits(jnp.ones_like(a))
    exponent = (bits >> info.nmant) - (info.maxexp - 1)
    return _number(mantissa, a), where(small, exponent - info.nmant, exponent)


def _upper_half(x: Array) -> Array:
    """`x` with the upper half of its digits, whose square is exact."""
    return _number(_bits(x) & -(1 << (jnp.finfo(x.dtype).nmant // 2 + 1)), x)


def _sum(a: Array, b: Array) -> tuple[Array, Array]:
    """The sum of two numbers, and what rounding takes from it."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def _product(a: Array, b: Array) -> tuple[Array, Array]:
    """The product of two numbers, and about what rounding takes from it.

    A compiler may contract a product and a sum to one operation, without rounding between them, in one place and not in
    another. So the only product that is summed twice is exact.
    """
    a1, b1 = _upper_half(a), _upper_half(b)
    a2, b2 = a - a1, b - b1
    upper, lower = a1 * b1, a1 * b2 + (a2 * b1 + a2 * b2)
    product = upper + lower
    return product, lower - (product - upper)
