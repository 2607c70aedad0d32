"""An experiment: a system with its stimuli and monitors, all that happens within one step of a run."""

from collections.abc import Callable

import equinox as eqx
from jaxtyping import PyTree

from dynplug.core import Context, DynamicalSystem
from dynplug.run.driven import drive
from dynplug.run.held import now
from dynplug.run.monitors import Monitors
from dynplug.run.spike_fields import SpikeFields
from dynplug.run.stimuli import Stimulus, read_entries


class Experiment(DynamicalSystem):
    """A system with stimuli and monitors. Its input is a pair: the system's own, and a row of each varying stimulus.

    **Arguments:**

    - `target`: the system.
    - `stimuli`: the stimuli applied before every step, in order.
    - `function`: called with the context before every step, returns more of them.
    - `monitors`: the readers of the state after every step.
    - `held`: the system's input if it is the same at all steps, or a function of the context.
    - `puts_out`: whether the system's outputs are recorded.
    - `spikes`: the readers of spikes after every step.
    """

    target: DynamicalSystem
    stimuli: tuple[Stimulus, ...] = ()
    function: Callable[[Context], object] | None = None
    monitors: Monitors = Monitors()
    held: PyTree = None
    puts_out: bool = eqx.field(static=True, default=True)
    spikes: SpikeFields = SpikeFields()

    def init_state(self, ctx: Context) -> PyTree:
        return self.target.init_state(ctx)

    def update(self, state: PyTree, x: PyTree, ctx: Context) -> tuple[PyTree, PyTree]:
        x, rows = x
        x = now(self.held, ctx) if x is None else x
        pairs = enumerate(zip(self.stimuli, rows, strict=True))
        entries = [stimulus.now(row, ctx.child(f"input {n} of the runner")) for n, (stimulus, row) in pairs]
        if self.function is not None:
            entries += read_entries(self.function(ctx.child("inputs of the runner")))
        new, out = drive(self.target, state, x, entries, ctx)
        return new, (out if self.puts_out else None, self.monitors(new, ctx))
