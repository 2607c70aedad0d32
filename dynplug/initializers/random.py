"""The initializers of `jax.nn.initializers` as objects with names and parameters."""

from typing import Any, Literal

import equinox as eqx
import jax
import jax.nn.initializers as jinit
from jaxtyping import Array, PRNGKeyArray

_IN, _OUT = -1, -2  # a dense weight is (out, in)


class Constant(eqx.Module):
    """The same value everywhere.

    **Arguments:**

    - `value`: the value.
    """

    value: float = 0.0

    def __call__(self, key: PRNGKeyArray, shape: tuple[int, ...], dtype: Any) -> Array:
        return jax.numpy.full(shape, self.value, dtype)


class Normal(eqx.Module):
    """Normal with mean zero.

    **Arguments:**

    - `std`: standard deviation.
    """

    std: float = 0.01

    def __call__(self, key: PRNGKeyArray, shape: tuple[int, ...], dtype: Any) -> Array:
        return jinit.normal(self.std)(key, shape, dtype)


class Uniform(eqx.Module):
    """Uniform between two limits.

    **Arguments:**

    - `low`: lower limit.
    - `high`: upper limit.
    """

    low: float = 0.0
    high: float = 1.0

    def __call__(self, key: PRNGKeyArray, shape: tuple[int, ...], dtype: Any) -> Array:
        return jax.random.uniform(key, shape, dtype, self.low, self.high)


class Orthogonal(eqx.Module):
    """A random orthogonal matrix.

    **Arguments:**

    - `scale`: its factor.

    **Reference:** Saxe, A., McClelland, J. & Ganguli, S. (2014), Exact solutions to the nonlinear dynamics of learning
    in deep linear neural networks, arXiv:1312.6120.
    """

    scale: float = 1.0

    def __call__(self, key: PRNGKeyArray, shape: tuple[int, ...], dtype: Any) -> Array:
        return jinit.orthogonal(self.scale, column_axis=_IN)(key, shape, dtype)


class VarianceScaling(eqx.Module):
    r"""Variance $\mathrm{scale} / n$, with $n$ the number of inputs, outputs, or their mean.

    **Arguments:**

    - `scale`: numerator of the variance.
    - `mode`: the choice of $n$: `"fan_in"`, `"fan_out"` or `"fan_avg"`.
    - `distribution`: `"normal"`, `"truncated_normal"` or `"uniform"`.
    """

    scale: float = 1.0
    mode: Literal["fan_in", "fan_out", "fan_avg"] = "fan_in"
    distribution: Literal["normal", "truncated_normal", "uniform"] = "truncated_normal"

    def __call__(self, key: PRNGKeyArray, shape: tuple[int, ...], dtype: Any) -> Array:
        return jinit.variance_scaling(self.scale, self.mode, self.distribution, in_axis=_IN, out_axis=_OUT)(
            key, shape, dtype
        )


def KaimingNormal(scale: float = 2.0) -> VarianceScaling:
    """Normal with variance `scale / inputs`.

    **Arguments:**

    - `scale`: numerator of the variance.

    **Reference:** He, K. et al. (2015), Delving deep into rectifiers, doi:10.1109/ICCV.2015.123.
    """
    return VarianceScaling(scale, "fan_in", "truncated_normal")


def XavierNormal(scale: float = 1.0) -> VarianceScaling:
    """Normal with variance `scale * 2 / (inputs + outputs)`.

    **Arguments:**

    - `scale`: factor on the variance.

    **Reference:** Glorot, X. & Bengio, Y. (2010), Understanding the difficulty of training deep feedforward neural
    networks, AISTATS.
    """
    return VarianceScaling(scale, "fan_avg", "truncated_normal")


def LecunNormal(scale: float = 1.0) -> VarianceScaling:
    """Normal with variance `scale / inputs`, which keeps the variance of a linear layer.

    **Arguments:**

    - `scale`: numerator of the variance.

    **Reference:** LeCun, Y. et al. (1998), Efficient BackProp, doi:10.1007/3-540-49430-8_2.
    """
    return VarianceScaling(scale, "fan_in", "truncated_normal")
