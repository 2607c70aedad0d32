"""The activation of units, as users give it."""

from typing import TypeVar

from dynplug.errors import ParameterError

Given = TypeVar("Given")


def as_activation(layer: str, given: Given) -> Given:
    """A function of a layer, checked.

    **Arguments:**

    - `layer`: the name of the layer, for the message.
    - `given`: the function.

    **Raises:** `ParameterError` for what is no function.
    """
    if not callable(given) or isinstance(given, type):
        raise ParameterError(
            f"{layer}(activation={given!r}) takes the function itself, as jax.nn.relu. A configuration has no "
            "functions: leave it out there, or build the model in Python."
        )
    return given
