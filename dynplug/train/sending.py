"""A check that a trainer can be sent to another process."""

import pickle
from collections.abc import Mapping
from typing import Any

from dynplug.errors import NotPicklableError

_INSTEAD = {
    "optimizer": "as a configuration such as {'type': 'adam', 'learning_rate': 1e-3}, of which it is made again",
    "loss_fun": "as a registered name, a configuration, or a function of a module",
    "metrics": "as registered names, or functions of a module",
    "_progress": "with functions of a module in its model",
}
_CALLED = {"_progress": "target"}


def check_picklable(trainer: str, parts: Mapping[str, Any]) -> None:
    """Raise `NotPicklableError` for the first of the parts of a trainer that cannot be pickled, with what to do.

    **Arguments:**

    - `trainer`: the trainer's class.
    - `parts`: its arguments and attributes by name.
    """
    for name, part in parts.items():
        try:
            pickle.dumps(part)
        except Exception as error:
            raise NotPicklableError(
                f"This {trainer} cannot be pickled, because of its {_CALLED.get(name, name.lstrip('_'))} ({error}). "
                f"Give it {_INSTEAD.get(name, 'as something that can')}; or make the trainer where it is needed, and "
                "send its model, or a file of save_states for it to load."
            ) from error
