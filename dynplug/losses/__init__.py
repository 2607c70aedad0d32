"""Losses, and metrics logged beside them: functions of (predicts, targets), batch first."""

from typing import Never

from dynplug.losses.classes import accuracy as accuracy, cross_entropy as cross_entropy
from dynplug.losses.conventions import (
    batch_first as batch_first,
    is_batch_first as is_batch_first,
    takes as takes,
    takes_weights as takes_weights,
)
from dynplug.losses.regression import huber as huber, mae as mae, mse as mse
from dynplug.losses.targets import (
    check_targets as check_targets,
    checked_by as checked_by,
    checks_targets as checks_targets,
    options_of as options_of,
    weight_of_targets as weight_of_targets,
)
from dynplug.plugin import missing_attribute


def __getattr__(name: str) -> Never:
    raise missing_attribute(__name__, name, globals())
