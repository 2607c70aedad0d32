"""Layers of `equinox.nn` that keep a state."""

from collections.abc import Callable, Hashable

import equinox as eqx
import jax
from jaxtyping import Array, PyTree

from dynplug.core import Context, DynamicalSystem, as_numbers, statistic
from dynplug.errors import CompositionError


class StatefulState(eqx.Module):
    """The arrays of an `equinox.nn.State`."""

    arrays: tuple[Array, ...]


class Stateful(DynamicalSystem):
    """A layer of `equinox.nn` that keeps a state, such as `BatchNorm` or `SpectralNorm`.

    What it has seen while a trainer fits stays in the model, is saved with it, and is used outside of fitting, where
    the layer is in inference mode. Statistics of a batch are those of each step; the batch is called `"batch"`.

    ```python
    layer, state = eqx.nn.make_with_state(eqx.nn.BatchNorm)(8, axis_name="batch", mode="ema")
    model = dp.Sequential(
        encode=dp.layers.Dense(3, 8, key=jax.random.key(0)),
        norm=dp.layers.Stateful(layer, state),
        hidden=dp.neurons.LIF(8),
    )
    ```

    **Arguments:**

    - `layer`: called as `layer(x, state)`, returns the output and the next state.
    - `state`: the state that `equinox.nn.make_with_state` gives with it.

    **Raises:** `CompositionError` for a layer without a state, and where it is fitted on sequences of several lengths,
    as it knows of no padding, or on several devices.

    **Reference:** Kidger, P. & Garcia, C. (2021), Equinox: neural networks in JAX via callable PyTrees and filtered
    transformations, arXiv:2111.00254.
    """

    layer: Callable[..., PyTree]
    memory: tuple[Array, ...] = statistic()
    structure: Hashable = eqx.field(static=True)

    def __init__(self, layer: object, state: object):
        if not isinstance(state, eqx.nn.State) or not callable(layer):
            raise CompositionError(
                "Stateful takes a layer and its state: `layer, state = eqx.nn.make_with_state(eqx.nn.BatchNorm)(8, "
                f"axis_name='batch', mode='ema')`; got {type(layer).__name__} and {type(state).__name__}."
            )
        arrays, self.structure = jax.tree.flatten(state)
        self.layer, self.memory = layer, tuple(arrays)

    def init_state(self, ctx: Context) -> StatefulState:
        return StatefulState(self.memory)

    def update(self, state: StatefulState, x: PyTree, ctx: Context) -> tuple[StatefulState, PyTree]:
        if ctx.fit and isinstance(ctx.batch, tuple):
            raise CompositionError(
                f"{ctx.path or 'Stateful'}: {type(self.layer).__name__} would see the samples of one device only: "
                "train it on one, without devices, or normalise by dp.layers.TDBatchNorm and the like."
            )
        if ctx.fit and ctx.valid is not None:
            raise CompositionError(
                f"{ctx.path or 'Stateful'}: {type(self.layer).__name__} would take padding for data: train it on "
                "sequences of one length, or normalise by dp.layers.TDBatchNorm and the like."
            )
        layer = self.layer if ctx.fit else eqx.nn.inference_mode(self.layer)
        with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
            out, new = layer(as_numbers(self.layer, x, ctx.dtype), jax.tree.unflatten(self.structure, state.arrays))
        return StatefulState(tuple(jax.tree.leaves(new))) if ctx.fit else state, out

    def learned(self, state: StatefulState) -> "Stateful":
        """The layer with its new statistics, from the states of the samples of a batch, which all hold the same."""
        seen = tuple(jax.lax.stop_gradient(a[0]) for a in state.arrays)
        return eqx.tree_at(lambda layer: layer.memory, self, seen)
