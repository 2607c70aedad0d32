"""Recurrences as kernels of a GPU, made of the equations of a step."""

from dynplug.timeloop.kernels.recurrence import (
    Part as Part,
    Recurrence as Recurrence,
    is_computable as is_computable,
)
from dynplug.timeloop.kernels.recurrence_primitive import (
    recurrence_call as recurrence_call,
    scan_recurrence as scan_recurrence,
)
from dynplug.timeloop.kernels.stage_parts import as_part as as_part, parts_of as parts_of
