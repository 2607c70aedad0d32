"""The input of a neuron: current, conductance and jump."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, PyTree

from dynplug.errors import ShapeError


class Drive(eqx.Module):
    r"""An input that is affine in the membrane potential: $I(V) = I_0 - g\,V$, and a jump of the potential itself.

    A current-based synapse sends a current, a conductance-based one $g\,(E - V)$ as `Drive(g * E, g)`: neither needs to
    see its target, and the sum of many is again a drive. Parts that are `None` are absent and cost nothing. Drives add.

    ```python
    g, E = 0.5, -70.0
    inhibition = dp.Drive(current=g * E, conductance=g)
    total = inhibition + dp.Drive(current=2.0)
    total(jnp.array([-65.0]))     # 2.0 + 0.5 * (-70 + 65)
    ```

    **Arguments:**

    - `current`: $I_0$ [nA], or [µA/cm²] for models per area; an array, or one number for all units.
    - `conductance`: $g$ [µS], or [mS/cm²].
    - `jump`: added to the potential once a step, never integrated [mV].
    """

    current: ArrayLike | None = None
    conductance: ArrayLike | None = None
    jump: ArrayLike | None = None

    def __call__(self, V: Float[Array, "*size"]) -> Float[Array, "..."]:
        """The current at the potential `V`, in the units of `current`: a scalar, or one value per unit."""
        current = jnp.asarray(0.0 if self.current is None else self.current, V.dtype)
        return current if self.conductance is None else current - self.conductance * V

    def __add__(self, other: "Drive") -> "Drive":
        return Drive(
            _plus(self.current, other.current),
            _plus(self.conductance, other.conductance),
            _plus(self.jump, other.jump),
        )


def add_inputs(a: PyTree, b: PyTree) -> PyTree:
    """Two inputs of a system together: a `Drive` if either is one, of which an array is the current; `None` is none."""
    if a is None or b is None:
        return b if a is None else a
    if isinstance(a, Drive) or isinstance(b, Drive):
        return _as_drive(a) + _as_drive(b)
    return jax.tree.map(jnp.add, a, b)


def check_fits(x: PyTree, size: tuple[int, ...] | None, name: str) -> None:
    """Check that the parts of an input are numbers for all units, or have the units' shape, which `None` leaves open.

    **Raises:** `ShapeError`, before anything is added to the input and broadcast.
    """
    for given in map(jnp.shape, jax.tree.leaves(x)):
        if size is not None and given not in ((), size):
            raise ShapeError(f"{name} takes inputs of shape {size}, but was given {given}.")


def _as_drive(x: Drive | ArrayLike) -> Drive:
    return x if isinstance(x, Drive) else Drive(current=x)


def _plus(a: ArrayLike | None, b: ArrayLike | None) -> ArrayLike | None:
    return b if a is None else a if b is None else jnp.add(a, b)
