"""Recurrences as kernels of a GPU, made from a step's equations."""

from dynplug.timeloop.kernels.recurrence import Part as Part, is_computable as is_computable
from dynplug.timeloop.kernels.recurrence_call import (
    recurrence_call as recurrence_call,
    scan_recurrence as scan_recurrence,
)
from dynplug.timeloop.kernels.stage_parts import parts_of as parts_of
