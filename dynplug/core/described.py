"""The representation of runners."""

import textwrap


def described(runner: object, target: object, **parts: object) -> str:
    """A text of a runner with its model and other options that identify it, one a line."""
    lines = [repr(target), *(f"{name}={value!r}" for name, value in parts.items())]
    inner = textwrap.indent(",\n".join(lines), "  ")
    return f"{type(runner).__name__}(\n{inner}\n)"
