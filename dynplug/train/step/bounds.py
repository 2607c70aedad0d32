r"""Parameters that must stay above zero while they are trained.

Such a parameter $p > 0$ is trained as $u = \log(e^p - 1)$, which may be any number: $p = \mathrm{softplus}(u)$. Well
above one the two differ by a constant, so that learning rates mean what they mean for other parameters; near zero $p$
shrinks by a factor where $u$ falls by a number, and it ends at the resolution of its dtype, 1e-7 in single precision.
What a model, a checkpoint or a message holds is always $p$.
"""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from dynplug.core import leaves


@dataclass(frozen=True)
class Bounds:
    """Positivity of the leaves of a model's trained part, in their order. Equal bounds share compiled programs."""

    positive: tuple[bool, ...]

    @classmethod
    def of(cls, params: PyTree) -> "Bounds":
        """The bounds that a model's fields declare."""
        return cls(tuple(leaf.positive for leaf in leaves(params)))

    def free(self, params: PyTree) -> PyTree:
        """The parameters as an optimizer sees them, any of which may be any number."""
        return self._map(_free, params)

    def pulled_back(self, grads: PyTree, params: PyTree) -> PyTree:
        """The gradient with respect to them, from that with respect to the parameters."""
        return self._map(lambda grad, p: grad * -jnp.expm1(-p), grads, params)

    def moved(self, params: PyTree, free: PyTree) -> PyTree:
        """The parameters after they were moved there; one that was not moved is the same to the last bit."""
        return self._map(_moved, free, params)

    def _map(self, bounded: Callable[..., Array], first: PyTree, *rest: PyTree) -> PyTree:
        values, treedef = jax.tree.flatten(first)
        others = [jax.tree.leaves(tree) for tree in rest]
        rows = zip(self.positive, values, *others, strict=True)
        return treedef.unflatten([bounded(*row) if positive else row[0] for positive, *row in rows])


def _free(p: Array) -> Array:
    return p + jnp.log(-jnp.expm1(-p))


def _moved(u: Array, p: Array) -> Array:
    least = jnp.finfo(p.dtype).eps  # below, what divides by a time constant has no finite gradient
    new = jnp.maximum(jnp.logaddexp(u, jnp.zeros_like(u)), least)
    return jnp.where(u == _free(p), p, jnp.where(jnp.isnan(u), u, new))
