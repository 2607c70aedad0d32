"""Events: what happens within a step, as opposed to the state at its end."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import equinox as eqx
import jax.tree_util as jtu
from jaxtyping import PyTree

from dynplug.core.ode import DISCRETE
from dynplug.core.paths import children

_EVENT = "dynplug.event"
_SPIKE = "spike"  # the name in conformance checks, monitors and docstrings


def event() -> Any:
    """A discrete field of a state for what happened in the step: a release, a jump. Records count events.

    A field called `spike` is an event without being declared one.

    ```python
    class State(eqx.Module):
        release: jax.Array = dp.event()

    class Vesicles(dp.DynamicalSystem):     # releases what it is told to
        def init_state(self, ctx):
            return State(jnp.zeros((), ctx.dtype))

        def update(self, state, x, ctx):
            return State(x), x

    runner = dp.DSRunner(Vesicles(), monitors=["release"], record_every=5, dt=1.0, progress_bar=False)
    runner.run(inputs=np.array([1, 0, 0, 1, 0, 0, 0, 0, 0, 1], np.float32))
    assert runner.mon["release"].tolist() == [2.0, 1.0]
    ```
    """
    return eqx.field(default=None, metadata={DISCRETE: True, _EVENT: True})


def events(state: PyTree) -> dict[str, PyTree]:
    """The event fields of a state, by path."""
    return dict(_walk(state, "", False))


def _walk(node: PyTree, path: str, happens: bool) -> Iterator[tuple[str, PyTree]]:
    if node is None:
        return
    if jtu.all_leaves([node]):
        if happens:
            yield path, node
        return
    declared = {f.name: f.metadata for f in dataclasses.fields(node)} if dataclasses.is_dataclass(node) else {}
    for name, child in children(node):
        said = declared.get(name, {}).get(_EVENT, False)
        named = name == _SPIKE and jtu.all_leaves([child])  # otherwise it is a part of the model with this name
        yield from _walk(child, f"{path}.{name}" if path else name, happens or said or named)
