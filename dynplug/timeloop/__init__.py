"""The loop over time: one step, carried through many."""

from dynplug.core import step_count as step_count
from dynplug.timeloop.allocator import tune_allocator as tune_allocator
from dynplug.timeloop.loop import (
    Loop as Loop,
    floating_dtype as floating_dtype,
    traced_numbers as traced_numbers,
)
from dynplug.timeloop.plan import check_options as check_options
from dynplug.timeloop.run_state import (
    RunState as RunState,
    as_index as as_index,
    check_model as check_model,
    check_state as check_state,
)
from dynplug.timeloop.scan import scan as scan
