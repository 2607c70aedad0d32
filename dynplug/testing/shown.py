"""The examples in a component's docstring."""

import contextlib
import re
import tempfile

from dynplug.testing.static import doc_of
from dynplug.testing.subject import Subject

_EXAMPLE = re.compile(r"```python\n(.*?)```", re.DOTALL)
_IMPORTS = """
import diffrax, equinox as eqx, jax, jax.numpy as jnp, numpy as np, optax
import dynplug as dp
"""


def examples_of(subject: Subject) -> list[str]:
    """The blocks of Python in the docstring."""
    return _EXAMPLE.findall(doc_of(subject))


def examples_run(subject: Subject) -> None:
    """Each block of Python in the docstring runs, where dp, jax, jnp, np, eqx, optax and diffrax are imported."""
    for example in examples_of(subject):
        names: dict[str, object] = {}
        exec(_IMPORTS, names)
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            exec(compile(example, f"<example of {subject.title}>", "exec"), names)
