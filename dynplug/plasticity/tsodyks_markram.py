"""Short-term depression and facilitation."""

from typing import TYPE_CHECKING

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from dynplug.core import Context, Parameter, Sized, check_number, check_parameters, param, target_size
from dynplug.errors import ShapeError
from dynplug.plasticity.traces import kept

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class TsodyksMarkramState(eqx.Module):
    """The share of vesicles that a spike finds, `x` [-], and the share of them that it releases, `u` [-]."""

    u: Float[Array, "*size"]
    x: Float[Array, "*size"]


class TsodyksMarkram(Sized):
    r"""Short-term depression and facilitation, of all connections of a sending unit alike.

    $$\tau_f \frac{du}{dt} = -u, \qquad \tau_d \frac{dx}{dt} = 1 - x$$

    $$\text{spike } z: \quad u \leftarrow u + U (1 - u)\, z, \qquad \text{output } u\, x\, z, \qquad
      x \leftarrow x - u\, x\, z$$

    A spike first raises $u$, then releases the share $u$ of what $x$ has left, and the connections carry $u x$ in place
    of 1. Recovery between spikes is exact whatever `dt` is. With $\tau_f = 0$ there is no facilitation: $u = U$ at each
    spike. At first $x = 1$ and $u = 0$, so that the first spike releases $U$.

    ```python
    pair = jnp.zeros((60, 1)).at[jnp.array([0, 50])].set(1.0)
    _, sent = dp.LoopOverTime(dp.plasticity.TsodyksMarkram(1, U=0.5, tau_d=800.0), dt=1.0)(pair)
    assert jnp.allclose(sent[50] / sent[0], 1 - 0.5 * jnp.exp(-50 / 800))
    ```

    **Arguments:**

    - `size`: the number of sending units, or the shape of a grid of them; in a `Projection` that of its source.
    - `U`: the share that the first spike releases [-], above 0 and at most 1.
    - `tau_d`: time constant of the recovery from depression [ms]; 0 for none.
    - `tau_f`: time constant of the decay of facilitation [ms]; 0 for none.

    **Raises:** `ParameterError`; `ShapeError` for spikes of another shape.

    **Reference:** Tsodyks, M., Pawelzik, K. & Markram, H. (1998), Neural networks with dynamic synapses,
    doi:10.1162/089976698300017502.
    """

    size: tuple[int, ...] = target_size()
    U: Parameter = param(0.5, positive=True)
    tau_d: Parameter = param(800.0)
    tau_f: Parameter = param(0.0)

    def __check_init__(self) -> None:
        check_parameters(self)
        check_number("TsodyksMarkram: the share U", self.U, above=0.0, most=1.0)
        for name in ("tau_d", "tau_f"):
            check_number(f"TsodyksMarkram: {name}, a time, or 0 for none,", getattr(self, name), least=0.0)

    def portrait(self, figure: "Figure") -> None:
        """Above, what spikes at 20 Hz release, and one more after a pause; below, the share of what the first of two
        spikes releases that the second does, over the interval between them.
        """
        above, below = figure.subplots(2)
        figure.set_figheight(4.2)
        times = np.r_[0:500:50, 1000]  # [ms], as all steps here
        train = np.isin(np.arange(1100), times)
        above.stem(times, self._released(train)[times], basefmt=" ")
        above.set(xlabel="time [ms]", ylabel="released [-]", ylim=(0.0, None))
        intervals = np.arange(5, 1000, 20)
        pairs = np.zeros((len(intervals), 1000), bool)
        pairs[:, 0] = pairs[np.arange(len(intervals)), intervals] = True
        found = np.asarray(jax.vmap(self._released)(pairs))
        below.plot(intervals, found[np.arange(len(intervals)), intervals] / found[:, 0], marker=".")
        below.axhline(1.0, color="0.8", linewidth=0.8)
        below.set(xlabel="interval [ms]", ylabel="second by first [-]")

    def _released(self, train: np.ndarray | Array) -> Array:
        """The release of the first unit if all units spike in these steps of 1 ms."""
        ctx = Context(dt=1.0)

        def step(state: TsodyksMarkramState, spike: Array) -> tuple[TsodyksMarkramState, Array]:
            new, released = self.update(state, jnp.broadcast_to(spike, self.size), ctx)
            return new, jnp.ravel(released)[0]

        return jax.lax.scan(step, self.init_state(ctx), jnp.asarray(train, ctx.dtype))[1]

    def init_state(self, ctx: Context) -> TsodyksMarkramState:
        return TsodyksMarkramState(jnp.zeros(self.size, ctx.dtype), jnp.ones(self.size, ctx.dtype))

    def update(
        self, state: TsodyksMarkramState, x: PyTree, ctx: Context
    ) -> tuple[TsodyksMarkramState, Float[Array, "*size"]]:
        spike, U = jnp.asarray(x, ctx.dtype), jnp.asarray(self.U, ctx.dtype)
        if spike.shape not in ((), self.size):
            raise ShapeError(
                f"{ctx.path or 'TsodyksMarkram'} has {self.size} units, but was given spikes of shape {spike.shape}."
            )
        u, left = state.u * kept(self.tau_f, ctx), 1 - (1 - state.x) * kept(self.tau_d, ctx)
        u = u + U * (1 - u) * spike
        released = u * left * spike
        return TsodyksMarkramState(u, left - released), released
