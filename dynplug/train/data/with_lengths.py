"""Lengths that were given beside the data."""

from typing import Any

import numpy as np

from dynplug.errors import OptionError


def with_lengths(train_data: Any, test_data: Any, lengths: Any) -> tuple[Any, Any]:
    """Training and test data, (x, y), with the lengths of their samples, (x, y, lengths).

    **Raises:** `OptionError` where lengths are not those of all data, or data are no arrays.
    """
    if lengths is None:
        return train_data, test_data
    both = lengths if isinstance(lengths, tuple) and len(lengths) == 2 and np.ndim(lengths[0]) == 1 else (lengths,)
    data = [train_data] if test_data is None else [train_data, test_data]
    if len(both) != len(data):
        raise OptionError(
            f"lengths are given for {len(both)} of {len(data)} sets of data: with test data give lengths=(those of the "
            "training data, those of the test data), and without, an array of one number a sample."
        )
    for part in data:
        if not (isinstance(part, tuple) and len(part) == 2):
            raise OptionError(
                "lengths are those of arrays (x, y). Where each batch has its own, or a function makes the data, let "
                "it give (x, y, lengths)."
            )
    train, *test = [(*part, some) for part, some in zip(data, both, strict=True)]
    return train, test[0] if test else None


def check_reset(reset_state: bool, lengths: object) -> None:
    """Refuse states that go on from one batch to the next where sequences have lengths."""
    if lengths is not None and not reset_state:
        raise OptionError(
            "With reset_state=False states go on from one batch to the next, which those of sequences that ended "
            "earlier cannot: leave reset_state=True, or cut the recordings into stretches of one length."
        )
