"""Functions that compilers of kernels lack, by Chebyshev series.

SciPy's values of a function give the coefficients when it is needed first: so there is no table of numbers, and float32
takes a shorter series than float64. An argument is first brought to where a series converges fast.

**Invariant:** where a result is a normal number it is off by at most 12 units in the last place, of Bessel
functions by 32. Infinities, NaN and signs of zero are those of the function.

**Limits:** `float32` and `float64`. Functions of two variables but `atan2`, and `lgamma` and its derivatives, are not
here: a stage with one stays a scan.

**Reference:** L. N. Trefethen: Approximation Theory and Approximation Practice (SIAM, 2013), chapters 3 and 8,
doi:10.1137/1.9781611975949.
"""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import DTypeLike
from jaxtyping import Array
from scipy import fft, special

from dynplug.timeloop.kernel_functions import bell, log1p, where, with_sign_of

_PI = float(np.pi)
_NODES = 64
_FEW = 4  # coefficients; chosen: single ones may be zero, by symmetry or by chance


class Series:
    """A function on an interval as a Chebyshev series.

    **Arguments:**

    - `function`: the function, of arrays of float64.
    - `low`, `high`: the interval, at whose ends the function is not evaluated.
    """

    def __init__(self, function: Callable[[np.ndarray], np.ndarray], low: float, high: float):
        self._function, self._middle, self._half = function, 0.5 * (high + low), 0.5 * (high - low)
        self._coefficients: dict[DTypeLike, list[float]] = {}

    def __call__(self, x: Array) -> Array:
        """The function of `x`, by Clenshaw's recurrence."""
        first, *rest = self._of(x.dtype)
        s = (x - self._middle) / self._half
        b, before = jnp.zeros_like(x), jnp.zeros_like(x)
        for c in reversed(rest):
            b, before = 2.0 * s * b - before + c, b
        return s * b - before + first

    def _of(self, dtype: DTypeLike) -> list[float]:
        """The coefficients, as far as they matter to numbers of a dtype."""
        if dtype not in self._coefficients:
            nodes = np.cos(np.pi * (np.arange(_NODES) + 0.5) / _NODES)
            found = np.asarray(fft.dct(self._function(self._middle + self._half * nodes))) / _NODES
            found[0] *= 0.5
            self._coefficients[dtype] = found[: _count(np.abs(found / found[0]), np.finfo(dtype).eps)].tolist()
        return self._coefficients[dtype]


def _count(size: np.ndarray, eps: np.floating) -> int:
    """The number of coefficients that matter: those before the first few that are small or mere rounding."""
    matters = size > max(0.125 * eps, np.finfo(np.float64).eps)
    return next((n for n in range(len(size)) if not matters[n : n + _FEW].any()), len(size))


# -- Inverse trigonometric functions -------------------------------------------------------------------------------

_ATAN = Series(lambda u: np.arctan(np.sqrt(u)) / np.sqrt(u), 0.0, 0.18)
_ASIN = Series(lambda u: np.arcsin(np.sqrt(u)) / np.sqrt(u), 0.0, 0.25)


def tan(x: Array) -> Array:
    """The tangent."""
    return lax.sin(x) / lax.cos(x)


def _small_atan(t: Array) -> Array:
    """Of 0 to 1, by the half of the angle."""
    half = t / (1.0 + lax.sqrt(1.0 + t * t))
    return 2.0 * half * _ATAN(half * half)


def atan(x: Array) -> Array:
    """The arctangent."""
    a = lax.abs(x)
    inverse = a > 1.0
    found = _small_atan(where(inverse, 1.0 / where(inverse, a, 1.0), a))
    return with_sign_of(x, where(inverse, 0.5 * _PI - found, found))


def atan2(y: Array, x: Array) -> Array:
    """The angle of the point (x, y)."""
    a, b = lax.abs(y), lax.abs(x)
    large, small = lax.max(a, b), lax.min(a, b)
    both = (small == large) & (x == x) & (y == y)  # also two zeros, or two infinities
    found = _small_atan(where(both, jnp.ones_like(x), small / where(both, 1.0, large)))
    found = where(both & (large == 0.0), 0.0, found)
    found = where(a > b, 0.5 * _PI - found, found)
    negative = with_sign_of(x, jnp.ones_like(x)) < 0.0
    return with_sign_of(y, where(negative, _PI - found, found))


def _upper_asin(a: Array) -> Array:
    """Twice the arcsine of the root of (1 - a) / 2, of 0.5 to 1: the arccosine of a."""
    u = 0.5 * (1.0 - a)
    return 2.0 * lax.sqrt(u) * _ASIN(u)


def asin(x: Array) -> Array:
    """The arcsine."""
    a = lax.abs(x)
    return with_sign_of(x, where(a > 0.5, 0.5 * _PI - _upper_asin(a), a * _ASIN(a * a)))


def acos(x: Array) -> Array:
    """The arccosine."""
    upper = _upper_asin(lax.abs(x))
    return where(x > 0.5, upper, where(x < -0.5, _PI - upper, 0.5 * _PI - x * _ASIN(x * x)))


# -- The error function --------------------------------------------------------------------------------------------

_ERF = Series(lambda u: special.erf(np.sqrt(u)) / np.sqrt(u), 0.0, 0.25)
_ERFCX = Series(lambda t: special.erfcx(2.0 / t - 2.0) / t, 0.0, 1.0)


def _upper_erfc(a: Array) -> Array:
    """Of 0.5 and more: the bell of a times a smooth function of 2 / (2 + a)."""
    t = 2.0 / (2.0 + a)
    return bell(a) * (t * _ERFCX(t))


def erf(x: Array) -> Array:
    """The error function."""
    a = lax.abs(x)
    return with_sign_of(x, where(a < 0.5, a * _ERF(a * a), 1.0 - _upper_erfc(a)))


def erfc(x: Array) -> Array:
    """One minus the error function."""
    upper = _upper_erfc(lax.abs(x))
    return where(x > 0.5, upper, where(x < -0.5, 2.0 - upper, 1.0 - x * _ERF(x * x)))


def _erf_inv_over_x(w: np.ndarray) -> np.ndarray:
    """As a function of w = -log(1 - x²)."""
    x = np.sqrt(-np.expm1(-w))
    return np.where(w < 1.0, special.erfinv(x), special.erfcinv(np.exp(-w) / (1.0 + x))) / x


_ERF_INV = [
    *(Series(_erf_inv_over_x, low, high) for low, high in ((0.0, 2.0), (2.0, 6.0))),
    Series(lambda s: _erf_inv_over_x(s * s), 6.0**0.5, 4.5),
    Series(lambda s: _erf_inv_over_x(s * s), 4.5, 6.2),
]


def erf_inv(x: Array) -> Array:
    """The inverse of the error function, by series in -log(1 - x²) and its root."""
    a = lax.abs(x)
    w = -(log1p(-a) + log1p(a))
    w = where(a < 1.0, w, 1.0)
    s = lax.sqrt(w)
    near, middle, far, farthest = _ERF_INV
    found = where(s < 4.5, far(s), farthest(s)) if x.dtype == jnp.float64 else far(s)
    found = where(w < 2.0, near(w), where(w < 6.0, middle(w), found)) * a
    return with_sign_of(x, where(a == 1.0, jnp.inf, where(a < 1.0, found, jnp.nan)))


# -- Bessel functions ----------------------------------------------------------------------------------------------

_I0E, _I0E_FAR = Series(special.i0e, 0.0, 8.0), Series(lambda t: special.i0e(8.0 / t) * np.sqrt(8.0 / t), 0.0, 1.0)
_I1E = Series(lambda x: special.i1e(x) / x, 0.0, 8.0)
_I1E_FAR = Series(lambda t: special.i1e(8.0 / t) * np.sqrt(8.0 / t), 0.0, 1.0)


def bessel_i0e(x: Array) -> Array:
    """The modified Bessel function of order 0, times exp(-|x|)."""
    a = lax.abs(x)
    far = lax.max(a, jnp.full_like(a, 8.0))
    return where(a < 8.0, _I0E(a), _I0E_FAR(8.0 / far) / lax.sqrt(far))


def bessel_i1e(x: Array) -> Array:
    """The modified Bessel function of order 1, times exp(-|x|)."""
    a = lax.abs(x)
    far = lax.max(a, jnp.full_like(a, 8.0))
    return with_sign_of(x, where(a < 8.0, a * _I1E(a), _I1E_FAR(8.0 / far) / lax.sqrt(far)))
