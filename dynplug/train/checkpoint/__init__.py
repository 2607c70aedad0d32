"""Checkpoints: the file of a trainer, and the pair of files that a run keeps."""

from dynplug.train.checkpoint.file import (
    arrays as arrays,
    describe as describe,
    missing_packages as missing_packages,
    read as read,
    write as write,
)
from dynplug.train.checkpoint.rotation import CheckpointPair as CheckpointPair
