"""The dense layer that a trainer solves for: finding it, and putting other systems in its place."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

import dynplug as dp
from dynplug_reservoir.feedback import Feedback


def find_readout(model: PyTree, path: str | None) -> str:
    """The path of the readout, `path` itself or that of the last layer, which must lead to a `Dense`.

    The last layer is that of a `Sequential`, or of the `Sequential` in a `Feedback`.

    **Raises:** `UnknownPathError`; `CompositionError` for anything that is no dense layer.
    """
    if path is None:
        inside = isinstance(model, Feedback)
        sequence = model.system if inside else model
        if not isinstance(sequence, dp.Sequential) or len(sequence) == 0:
            raise dp.errors.CompositionError(
                f"A {type(sequence).__name__} has no last layer: name its readout by its path, as readout='output'."
            )
        path = f"{'system.' * inside}{sequence.names[-1]}"
    found = dp.lookup(model, path)
    if not isinstance(found, dp.layers.Dense):
        raise dp.errors.CompositionError(
            f"The readout {path!r} is a {type(found).__name__}; only a Dense can be solved for. Name one by readout=..."
        )
    return path


def put(model: PyTree, path: str, part: PyTree) -> PyTree:
    """The model with another part at a path."""
    return eqx.tree_at(lambda m: dp.lookup(m, path), model, part)


def solved(readout: dp.layers.Dense, weight: np.ndarray | Array, bias: np.ndarray | Array | None) -> dp.layers.Dense:
    """The readout with another weight (out, in) and bias (out,), in its own dtype."""
    if not (np.all(np.isfinite(weight)) and (bias is None or np.all(np.isfinite(bias)))):
        raise dp.errors.NonFiniteError(
            "The solution for the readout is not finite; the model keeps its own. Check the data for NaN; a greater "
            "alpha or double precision (the JAX option jax_enable_x64) may help."
        )
    dtype = readout.weight.dtype
    readout = eqx.tree_at(lambda d: d.weight, readout, jnp.asarray(weight, dtype))
    return readout if bias is None else eqx.tree_at(lambda d: d.bias, readout, jnp.asarray(bias, dtype))


class Seen(eqx.Module):
    """The readout's last input."""

    x: Float[Array, " in"]


class Tap(dp.DynamicalSystem):
    """A readout whose inputs can be read from the state, as `path.x`."""

    readout: dp.layers.Dense

    @property
    def in_size(self) -> tuple[int]:
        return self.readout.in_size

    @property
    def out_size(self) -> tuple[int]:
        return self.readout.out_size

    def init_state(self, ctx: dp.Context) -> Seen:
        return Seen(jnp.zeros(self.in_size, self.readout.weight.dtype))

    def update(self, state: Seen, x: PyTree, ctx: dp.Context) -> tuple[Seen, Float[Array, " out"]]:
        _, out = self.readout.update(None, x, ctx)
        return Seen(jnp.asarray(x, self.readout.weight.dtype)), out
