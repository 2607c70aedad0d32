r"""Exponential Euler, exact where each variable's equation is linear in that variable."""

import math
from collections.abc import Callable
from typing import ClassVar

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from dynplug.core import AveragingSolver

Number = int | float | Array | np.ndarray
"""A real scalar, as diffrax's solvers take it."""


class ExponentialEuler(AveragingSolver):
    r"""The exponential Euler method, variable by variable and unit by unit.

    With $a = f_k(y)$ and $b = \partial f_k / \partial y_k$,
    $$y_k(t + h) = y_k(t) + h\,\varphi_1(b h)\,a, \qquad \varphi_1(z) = (e^z - 1) / z,$$
    and the mean over the step is
    $$\bar y_k = y_k(t) + h\,\varphi_2(b h)\,a, \qquad \varphi_2(z) = (\varphi_1(z) - 1) / z.$$

    Exact for a single linear equation under a constant drive, of first order for coupled variables, and stable wherever
    $b < 0$. Each variable's equation may depend on other variables, but only on those of the same unit: units are
    coupled by their outputs, not inside the vector field.

    ```python
    leak = dp.neurons.LeakyIntegrator(1, tau=10.0, integrator=dp.integrators.ExponentialEuler())
    _, V = dp.LoopOverTime(leak, dt=10.0)(jnp.ones((1, 1)))
    assert np.isclose(V[0, 0], 1 - np.exp(-1))     # exact, although the step is as long as tau
    ```

    **Reference:** Rush, S. & Larsen, H. (1978), A practical algorithm for solving dynamic membrane equations,
    doi:10.1109/TBME.1978.326270.
    """

    term_structure: ClassVar[type] = diffrax.AbstractTerm
    interpolation_cls: ClassVar[Callable[..., diffrax.AbstractLocalInterpolation]] = diffrax.LocalLinearInterpolation

    def order(self, terms: object) -> int:
        return 1

    def strong_order(self, terms: object) -> None:
        return None

    def init(self, terms: diffrax.AbstractTerm, t0: Number, t1: Number, y0: PyTree, args: PyTree) -> None:
        return None

    def step(
        self,
        terms: diffrax.AbstractTerm,
        t0: Number,
        t1: Number,
        y0: PyTree,
        args: PyTree,
        solver_state: None,
        made_jump: bool | Array | np.ndarray,
    ) -> tuple[PyTree, None, dict[str, PyTree], None, diffrax.RESULTS]:
        y1 = _linearised(terms, t0, t1, y0, args, _phi1)
        return y1, None, {"y0": y0, "y1": y1}, None, diffrax.RESULTS.successful

    def mean(self, terms: diffrax.AbstractTerm, t0: Number, t1: Number, y0: PyTree, args: PyTree) -> PyTree:
        return _linearised(terms, t0, t1, y0, args, _phi2)

    def func(self, terms: diffrax.AbstractTerm, t0: Number, y0: PyTree, args: PyTree) -> PyTree:
        return terms.vf(t0, y0, args)


def _linearised(
    terms: diffrax.AbstractTerm, t0: Number, t1: Number, y0: PyTree, args: PyTree, phi: Callable[[Array], Array]
) -> PyTree:
    """Each variable plus its change in a step at its initial rate, times `phi` of its slope."""
    control = terms.contr(t0, t1)
    variables, treedef = jax.tree.flatten(y0)
    new = []
    for k, variable in enumerate(variables):

        def increment(own: Array, k: int = k) -> Array:
            y = treedef.unflatten([*variables[:k], own, *variables[k + 1 :]])
            return treedef.flatten_up_to(terms.vf_prod(t0, y, args, control))[k]

        change, slope = jax.jvp(increment, (variable,), (jnp.ones_like(variable),))
        new.append(variable + phi(slope) * change)
    return treedef.unflatten(new)


def _phi1(z: Array) -> Array:
    """(exp(z) - 1) / z, with a series where the difference would cancel; cheaper than expm1."""
    near, away = _parts(z)
    return jnp.where(near, _series(jnp.where(near, z, 0.0), 1), (jnp.exp(away) - 1.0) / away)


def _phi2(z: Array) -> Array:
    """(phi1(z) - 1) / z, with a series where the difference would cancel."""
    near, away = _parts(z)
    return jnp.where(near, _series(jnp.where(near, z, 0.0), 2), (jnp.exp(away) - 1.0 - away) / away**2)


def _parts(z: Array) -> tuple[Array, Array]:
    near = jnp.abs(z) < 0.5
    return near, jnp.where(near, 1.0, z)


def _series(z: Array, first: int) -> Array:
    """The sum of z^(n-first) / n! from n = first on, by Horner's rule.

    It only multiplies, as divisions would cost a tenth of a neuron's step.
    """
    last = first + (7 if jnp.finfo(z.dtype).bits <= 32 else 13)
    total = jnp.full_like(z, 1.0 / math.factorial(last))
    for n in range(last - 1, first - 1, -1):
        total = total * z + 1.0 / math.factorial(n)
    return total
