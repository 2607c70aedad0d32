"""The delta synapse."""

from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import PyTree

from dynplug.core import Context, Drive, Sized, target_size
from dynplug.errors import ShapeError


class Delta(Sized):
    r"""An event of weight $w$ [mV] shifts the target's potential at once. Its output is a `Drive`.

    $$V \leftarrow V + w$$

    The jump is added after the target's integration step and before its threshold is applied, whatever `dt` is.

    ```python
    event = jnp.zeros((20, 1)).at[0].set(0.8)     # 0.8 mV
    _, V = dp.LoopOverTime(dp.synapses.Delta(1) >> dp.neurons.LeakyIntegrator(1, tau=10.0), dt=0.5)(event)
    assert np.allclose(V[:, 0], 0.8 * np.exp(-0.5 * np.arange(20) / 10.0))
    ```

    **Arguments:**

    - `size`: the number of target units, or the shape of a grid of them; in a `Projection` that of its targets.

    **Reference:** Brunel, N. (2000), Dynamics of sparsely connected networks of excitatory and inhibitory spiking
    neurons, doi:10.1023/A:1008925309027.
    """

    size: tuple[int, ...] = target_size()
    linear: ClassVar[bool] = True

    def init_state(self, ctx: Context) -> None:
        return None

    def update(self, state: None, x: PyTree, ctx: Context) -> tuple[None, Drive]:
        shape = jnp.asarray(x).shape
        if shape not in ((), self.size):
            raise ShapeError(
                f"{ctx.path or 'Delta'} has {self.size} units, but was given events of shape {shape}: give one "
                "value per unit, or one number for all."
            )
        return None, Drive(jump=x)
