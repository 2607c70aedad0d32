"""Losses, and the metrics that are logged beside them: functions of (predicts, targets), batch first."""

from typing import Never

from dynplug.losses.axes import batch_first as batch_first
from dynplug.losses.classes import accuracy as accuracy, cross_entropy as cross_entropy
from dynplug.losses.regression import huber as huber, mae as mae, mse as mse
from dynplug.losses.targets import checked_by as checked_by
from dynplug.plugin.hints import missing_attribute


def __getattr__(name: str) -> Never:
    raise missing_attribute(__name__, name, globals())
