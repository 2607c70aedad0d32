"""Losses, and metrics logged beside them: functions of (predicts, targets), batch first."""

from typing import Never

from dynplug.losses.classes import accuracy as accuracy, cross_entropy as cross_entropy
from dynplug.losses.confusion import (
    balanced_accuracy as balanced_accuracy,
    confusion_matrix as confusion_matrix,
    f1 as f1,
    per_class_accuracy as per_class_accuracy,
)
from dynplug.losses.conventions import (
    batch_first as batch_first,
    is_batch_first as is_batch_first,
    is_reading_records as is_reading_records,
    reads_records as reads_records,
    takes as takes,
    takes_weights as takes_weights,
)
from dynplug.losses.counted import (
    counted as counted,
    counts_of as counts_of,
    is_counted as is_counted,
    value_of_counts as value_of_counts,
)
from dynplug.losses.first_spike import first_spike as first_spike
from dynplug.losses.over_time import time_of_first_spike as time_of_first_spike, without_time as without_time
from dynplug.losses.rate_penalty import rate_penalty as rate_penalty, rate_regularized as rate_regularized
from dynplug.losses.regression import huber as huber, mae as mae, mse as mse
from dynplug.losses.spike_count import spike_count as spike_count
from dynplug.losses.targets import (
    check_targets as check_targets,
    checked_by as checked_by,
    checks_targets as checks_targets,
    options_of as options_of,
    weight_of_targets as weight_of_targets,
)
from dynplug.losses.top_k import top_k_accuracy as top_k_accuracy
from dynplug.losses.van_rossum import van_rossum as van_rossum
from dynplug.plugin import missing_attribute


def __getattr__(name: str) -> Never:
    raise missing_attribute(__name__, name, globals())
