"""A minimal instance of a component."""

import inspect
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dynplug.plugin.build import build
from dynplug.plugin.component import Component

if TYPE_CHECKING:  # it imports JAX
    from jaxtyping import PRNGKeyArray

UNITS = 3
_GUESSES = {"size": UNITS, "in_size": UNITS, "out_size": UNITS - 1}


def example_of(component: Component) -> dict[str, object]:
    """The arguments of a minimal instance: the spec's `example`; else guesses at `size`, `in_size` and `out_size`."""
    if component.spec.example:
        return dict(component.spec.example)
    accepted = inspect.signature(component.load()).parameters.values()
    return {p.name: _GUESSES[p.name] for p in accepted if p.default is p.empty and p.name in _GUESSES}


def make_example(component: Component, key: "PRNGKeyArray", given: Mapping[str, object] | None = None) -> Any:
    """A minimal instance of a component, deprecated ones without a warning.

    **Arguments:**

    - `component`: the component.
    - `key`: a `jax.random.key`, for what is drawn.
    - `given`: arguments that no configuration can hold, such as a runner's `target`.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".* is deprecated", FutureWarning)
        config = {"type": component.id, **example_of(component)}
        return build(config, kind=component.kind.name, key=key, given=given)
