"""The initializers of `jax.nn.initializers` as objects with names and parameters."""

from typing import ClassVar, Literal, get_args

import equinox as eqx
import jax
import jax.nn.initializers as jinit
import numpy as np
from jax.core import Tracer
from jax.typing import DTypeLike
from jaxtyping import Array, PRNGKeyArray

from dynplug.core import Parameter, check_number, check_parameters, param
from dynplug.errors import ParameterError, nearest

Mode = Literal["fan_in", "fan_out", "fan_avg"]
Distribution = Literal["normal", "truncated_normal", "uniform"]

_IN, _OUT = -1, -2  # a dense weight is (out, in)


class Constant(eqx.Module):
    r"""The same value everywhere.

    $$w_{ij} = \mathrm{value}$$

    ```python
    w = dp.initializers.Constant(0.5)(jax.random.key(0), (2, 3), jnp.float32)
    assert w.shape == (2, 3) and (w == 0.5).all()
    ```

    **Arguments:**

    - `value`: the value [-].

    **Reference:** Gers, F. A., Schmidhuber, J. & Cummins, F. (2000), Learning to forget: continual prediction with
    LSTM, doi:10.1162/089976600300015015, for the bias of a gate.
    """

    value: Parameter = param(0.0)
    is_random: ClassVar[bool] = False
    """Whether it needs a key; initializers without this attribute do."""

    def __check_init__(self) -> None:
        check_parameters(self)

    def __call__(self, key: PRNGKeyArray | None, shape: tuple[int, ...], dtype: DTypeLike) -> Array:
        return jax.numpy.full(shape, self.value, dtype)


class Normal(eqx.Module):
    r"""Normal with mean zero.

    $$w_{ij} \sim \mathcal N(0, \mathrm{std}^2)$$

    ```python
    w = dp.initializers.Normal(0.1)(jax.random.key(0), (100, 200), jnp.float32)
    assert abs(w.std() - 0.1) < 0.005
    ```

    **Arguments:**

    - `std`: standard deviation, 0 or more [-].

    **Raises:** `ParameterError`.

    **Reference:** Krizhevsky, A., Sutskever, I. & Hinton, G. E. (2012), ImageNet classification with deep convolutional
    neural networks, doi:10.1145/3065386.
    """

    std: Parameter = param(0.01)

    def __check_init__(self) -> None:
        check_number("Normal: std", self.std, least=0.0)

    def __call__(self, key: PRNGKeyArray, shape: tuple[int, ...], dtype: DTypeLike) -> Array:
        return jinit.normal(self.std)(key, shape, dtype)


class Uniform(eqx.Module):
    r"""Uniform between two limits.

    $$w_{ij} \sim \mathcal U(\mathrm{low}, \mathrm{high})$$

    ```python
    layer = dp.layers.Dense(200, 100, W_initializer=dp.initializers.Uniform(-0.1, 0.3), key=jax.random.key(0))
    assert layer.weight.min() >= -0.1 and layer.weight.max() < 0.3 and abs(layer.weight.mean() - 0.1) < 0.01
    ```

    **Arguments:**

    - `low`: lower limit [-].
    - `high`: upper limit, not below `low` [-].

    **Raises:** `ParameterError`.

    **Reference:** Glorot, X. & Bengio, Y. (2010), Understanding the difficulty of training deep feedforward neural
    networks, AISTATS.
    """

    low: Parameter = param(0.0)
    high: Parameter = param(1.0)

    def __check_init__(self) -> None:
        check_parameters(self)
        if not any(isinstance(v, Tracer) for v in (self.low, self.high)) and np.any(np.greater(self.low, self.high)):
            raise ParameterError(f"Uniform(low={self.low}, high={self.high}): the lower limit comes first.")

    def __call__(self, key: PRNGKeyArray, shape: tuple[int, ...], dtype: DTypeLike) -> Array:
        return jax.random.uniform(key, shape, dtype, self.low, self.high)


class Orthogonal(eqx.Module):
    r"""A random orthogonal matrix.

    $$W^\top W = \mathrm{scale}^2\, \mathbb 1 \quad \text{or, with more inputs than outputs,} \quad
    W W^\top = \mathrm{scale}^2\, \mathbb 1$$

    ```python
    W = dp.initializers.Orthogonal(0.9)(jax.random.key(0), (20, 20), jnp.float32)
    assert np.allclose(np.linalg.norm(W, 2), 0.9, atol=1e-5)     # as are all of its singular values
    ```

    **Arguments:**

    - `scale`: its factor [-].

    **Reference:** Saxe, A., McClelland, J. & Ganguli, S. (2014), Exact solutions to the nonlinear dynamics of learning
    in deep linear neural networks, arXiv:1312.6120.
    """

    scale: Parameter = param(1.0)

    def __check_init__(self) -> None:
        check_parameters(self)

    def __call__(self, key: PRNGKeyArray, shape: tuple[int, ...], dtype: DTypeLike) -> Array:
        return jinit.orthogonal(self.scale, column_axis=_IN)(key, shape, dtype)


class VarianceScaling(eqx.Module):
    r"""A variance scaled by the number $n$ of inputs, outputs, or their mean.

    $$\langle w_{ij} \rangle = 0, \qquad \mathrm{var}(w_{ij}) = \frac{\mathrm{scale}}{n}$$

    ```python
    W = dp.initializers.VarianceScaling(2.0, "fan_in", "normal")(jax.random.key(0), (100, 200), jnp.float32)
    assert abs(W.var() * 200 / 2.0 - 1) < 0.05     # (outputs, inputs)
    ```

    **Arguments:**

    - `scale`: numerator of the variance, 0 or more [-].
    - `mode`: the choice of $n$: `"fan_in"`, `"fan_out"` or `"fan_avg"`.
    - `distribution`: `"normal"`, `"truncated_normal"` or `"uniform"`.

    **Raises:** `ParameterError`.

    **Reference:** He, K. et al. (2015), Delving deep into rectifiers, doi:10.1109/ICCV.2015.123.
    """

    scale: Parameter = param(1.0)
    mode: Mode = "fan_in"
    distribution: Distribution = "truncated_normal"

    def __check_init__(self) -> None:
        check_number("VarianceScaling: scale", self.scale, least=0.0)
        for name, known in (("mode", get_args(Mode)), ("distribution", get_args(Distribution))):
            if getattr(self, name) not in known:
                hint = nearest(str(getattr(self, name)), known)
                raise ParameterError(f"VarianceScaling({name}={getattr(self, name)!r}): {hint}")

    def __call__(self, key: PRNGKeyArray, shape: tuple[int, ...], dtype: DTypeLike) -> Array:
        return jinit.variance_scaling(self.scale, self.mode, self.distribution, in_axis=_IN, out_axis=_OUT)(
            key, shape, dtype
        )


def KaimingNormal(scale: float = 2.0) -> VarianceScaling:
    r"""Normal, truncated at two standard deviations, with a variance for rectified units.

    $$\mathrm{var}(w_{ij}) = \frac{\mathrm{scale}}{n_\mathrm{in}}$$

    ```python
    W = dp.initializers.KaimingNormal()(jax.random.key(0), (100, 200), jnp.float32)
    assert abs(W.var() * 200 / 2 - 1) < 0.05     # (outputs, inputs)
    ```

    **Arguments:**

    - `scale`: numerator of the variance, 0 or more [-].

    **Reference:** He, K. et al. (2015), Delving deep into rectifiers, doi:10.1109/ICCV.2015.123.
    """
    return VarianceScaling(scale, "fan_in", "truncated_normal")


def XavierNormal(scale: float = 1.0) -> VarianceScaling:
    r"""Normal, truncated at two standard deviations, with a variance between those for inputs and for gradients.

    $$\mathrm{var}(w_{ij}) = \mathrm{scale}\,\frac{2}{n_\mathrm{in} + n_\mathrm{out}}$$

    ```python
    W = dp.initializers.XavierNormal()(jax.random.key(0), (100, 200), jnp.float32)
    assert abs(W.var() * (100 + 200) / 2 - 1) < 0.05     # (outputs, inputs)
    ```

    **Arguments:**

    - `scale`: factor on the variance, 0 or more [-].

    **Reference:** Glorot, X. & Bengio, Y. (2010), Understanding the difficulty of training deep feedforward neural
    networks, AISTATS.
    """
    return VarianceScaling(scale, "fan_avg", "truncated_normal")


def LecunNormal(scale: float = 1.0) -> VarianceScaling:
    r"""Normal, truncated at two standard deviations, with a variance that a linear layer keeps.

    $$\mathrm{var}(w_{ij}) = \frac{\mathrm{scale}}{n_\mathrm{in}}$$

    ```python
    W = dp.initializers.LecunNormal()(jax.random.key(0), (100, 200), jnp.float32)
    assert abs(W.var() * 200 - 1) < 0.05     # (outputs, inputs)
    ```

    **Arguments:**

    - `scale`: numerator of the variance, 0 or more [-].

    **Reference:** LeCun, Y. et al. (1998), Efficient BackProp, doi:10.1007/3-540-49430-8_2.
    """
    return VarianceScaling(scale, "fan_in", "truncated_normal")
