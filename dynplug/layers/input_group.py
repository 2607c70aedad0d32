"""The entry of inputs into a network."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from dynplug.core import Context, Sized, as_size
from dynplug.layers.one_sample import check_input


class InputGroupState(eqx.Module):
    """The last input."""

    spike: Float[Array, "*size"]


class InputGroup(Sized):
    r"""Passes its input on after checking its shape, and keeps it in its state, where monitors find it.

    $$y = x$$

    ```python
    model = dp.Sequential(cue=dp.layers.InputGroup(2), hidden=dp.neurons.LIF(2))
    cue = ("cue.input", np.array([0.3, 0.5], np.float32))
    runner = dp.DSRunner(model, inputs=cue, monitors=["cue.spike"], dt=1.0, progress_bar=False)
    runner.run(5.0)
    assert np.allclose(runner.mon["cue.spike"], [[0.3, 0.5]] * 5)
    ```

    **Arguments:**

    - `size`: the number of inputs, or the shape of a grid of them.

    **Reference:** Wang, C. et al. (2023), BrainPy, a flexible, integrative, efficient, and extensible framework for
    general-purpose brain dynamics programming, doi:10.7554/eLife.86365.
    """

    size: tuple[int, ...] = eqx.field(static=True, converter=as_size)

    def init_state(self, ctx: Context) -> InputGroupState:
        return InputGroupState(jnp.zeros(self.size, ctx.dtype))

    def update(self, state: InputGroupState, x: PyTree, ctx: Context) -> tuple[InputGroupState, Float[Array, "*size"]]:
        x = check_input(self, x, ctx.dtype, ctx)
        return InputGroupState(x), x
