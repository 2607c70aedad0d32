"""A population that receives its own output."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from dynplug.core import Context, DynamicalSystem, add_inputs, as_system, check_fits, check_number, updated
from dynplug.errors import CompositionError, DurationError, ShapeError
from dynplug.layers.delay import Delay


class RecurrentState(eqx.Module):
    """The states of the population and of its connection, the last output, and the outputs that are under way."""

    system: PyTree
    connection: PyTree
    last: Array
    delay: PyTree = None


class Recurrent(DynamicalSystem):
    r"""A population with connections onto itself.

    $$z_t = f(x_t + c(z_{t-d}))$$

    $f$ is the population and $z$ its output, spikes as a rule; $c$ is the connection, and $d$ the delay in steps, from
    a spike to its arrival. Before the first step the output is zero.

    ```python
    k1, k2, k3 = jax.random.split(jax.random.key(0), 3)
    hidden = dp.Recurrent(dp.neurons.LIF(100), dp.layers.Dense(100, 100, key=k2) >> dp.synapses.Delta(100), delay=2.0)
    model = dp.layers.Dense(20, 100, key=k1) >> dp.synapses.Delta(100) >> hidden >> dp.layers.Dense(100, 2, key=k3)
    _, out = dp.LoopOverTime(model, dt=1.0)(jnp.ones((50, 20)))
    ```

    **Arguments:**

    - `system`: the population, whose output has a known shape.
    - `connection`: the way back, from the output of the population to its input; `layer >> synapse` as a rule.
    - `delay`: the time from a spike to its arrival [ms], a multiple of the step to 1 %; `None`: one step, the least.

    **Raises:** `CompositionError` if the population's output has no known shape; `ShapeError` if the connection does
    not fit it; `DurationError` for a delay below one step, or between steps.

    **Reference:** Neftci, E. O., Mostafa, H. & Zenke, F. (2019), Surrogate gradient learning in spiking neural
    networks, doi:10.1109/MSP.2019.2931595.
    """

    system: DynamicalSystem = eqx.field(converter=lambda system: as_system(system, "Recurrent"))
    connection: DynamicalSystem = eqx.field(converter=lambda system: as_system(system, "Recurrent"))
    delay: float | None = eqx.field(default=None, static=True)

    def __check_init__(self) -> None:
        if self.delay is not None:
            check_number("Recurrent: delay", self.delay, least=0.0)
        out = getattr(self.system, "out_size", None)
        if out is None:
            raise CompositionError(
                "Recurrent needs a system that declares `out_size`, the shape of its output; "
                f"{type(self.system).__name__} does not."
            )
        for what, there, wanted in (
            ("takes", getattr(self.connection, "in_size", None), out),
            ("outputs", getattr(self.connection, "out_size", None), getattr(self.system, "in_size", None)),
        ):
            if None not in (there, wanted) and there != wanted:
                raise ShapeError(f"The connection of Recurrent {what} shape {there}, but {wanted} is needed.")

    @property
    def in_size(self) -> tuple[int, ...] | None:
        return getattr(self.system, "in_size", None)

    @property
    def out_size(self) -> tuple[int, ...]:
        return self.system.out_size  # pyright: ignore[reportAttributeAccessIssue]

    def _under_way(self, dt: float) -> Delay | None:
        """The delay beyond the step that the last output takes anyway."""
        if self.delay is None:
            return None
        steps = Delay(self.out_size, self.delay).steps(dt)
        if steps < 1:
            raise DurationError(
                f"Recurrent(delay={self.delay}): what a population sends arrives one step of dt={dt} ms later at the "
                "earliest, or it would depend on itself. Give at least dt, or leave it out."
            )
        return Delay(self.out_size, (steps - 1) * dt) if steps > 1 else None

    def init_state(self, ctx: Context) -> RecurrentState:
        under_way = self._under_way(ctx.dt)
        return RecurrentState(
            self.system.init_state(ctx.child("system")),
            self.connection.init_state(ctx.child("connection")),
            jnp.zeros(self.out_size, ctx.dtype),
            None if under_way is None else under_way.init_state(ctx.child("delay")),
        )

    def update(self, state: RecurrentState, x: PyTree, ctx: Context) -> tuple[RecurrentState, Array]:
        check_fits(x, self.in_size, ctx.path or "The population")
        arriving, delay, under_way = state.last, state.delay, self._under_way(ctx.dt)
        if under_way is not None:
            delay, arriving = under_way.update(delay, arriving, ctx.child("delay"))
        connection, back = updated(self.connection, state.connection, arriving, ctx.child("connection"))
        system, out = updated(self.system, state.system, add_inputs(x, back), ctx.child("system"))
        return RecurrentState(system, connection, out, delay), out
