"""The representation of runners."""

import textwrap
from typing import Any


def described(runner: Any, target: Any, **parts: Any) -> str:
    """A text of a runner with its model and other options that identify it, one a line."""
    lines = [repr(target), *(f"{name}={value!r}" for name, value in parts.items())]
    inner = textwrap.indent(",\n".join(lines), "  ")
    return f"{type(runner).__name__}(\n{inner}\n)"
