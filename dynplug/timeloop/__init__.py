"""The loop over time: one step, carried through many."""

from dynplug.timeloop.loop import (
    Loop as Loop,
    RunState as RunState,
    floating_dtype as floating_dtype,
    step_count as step_count,
)
