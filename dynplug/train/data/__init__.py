"""The data of a trainer, from the user's arrays to the input of a step: pairs, axes, batches, windows of time."""

from dynplug.train.data.arrays import Batch as Batch, Pair as Pair, as_lengths as as_lengths
from dynplug.train.data.batch_sources import BatchSource as BatchSource, Reading as Reading
from dynplug.train.data.checksum import checksum as checksum
from dynplug.train.data.gathered import data_of as data_of, padded_inputs as padded_inputs
from dynplug.train.data.layout import (
    BatchFirst as BatchFirst,
    Layout as Layout,
    TimeFirst as TimeFirst,
    WithoutTime as WithoutTime,
    layout_of as layout_of,
)
from dynplug.train.data.padding import (
    keeps_keys as keeps_keys,
    padded as padded,
    repeated as repeated,
)
from dynplug.train.data.sequences import (
    are_sequences as are_sequences,
    bounds as bounds,
    lengths_of as lengths_of,
    pairs_of as pairs_of,
    unpadded as unpadded,
)
from dynplug.train.data.windows import (
    Window as Window,
    check_size as check_size,
    windows as windows,
)
from dynplug.train.data.with_lengths import check_reset as check_reset, with_lengths as with_lengths
