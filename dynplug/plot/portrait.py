"""A picture of any component, made by running it."""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
from matplotlib.figure import Figure

from dynplug.plot.portraits import DRAWERS, Drawer, Sitter
from dynplug.plugin import kind_named, make_example, registry

_WIDTH = 5.2  # [inches]: on the screen of a phone, text is still as large as that around it


def portrait(kind: str, name_or_made: object) -> Figure:
    """A figure of a component, drawn by running it: a neuron spikes, an optimizer descends, a trainer learns.

    What is seen is the same for all components of a kind, unless the class of one draws itself: by a method
    `portrait(self, figure)`, which is called in place of what its kind has.

    ```python
    dp.plot.save(dp.plot.portrait("neuron", "LIF"), "lif.svg")
    dp.plot.portrait("neuron", dp.neurons.LIF(1, tau=30.0))
    ```

    **Arguments:**

    - `kind`: the kind of component, as `"neuron"`.
    - `name_or_made`: the name of a registered component, of which the example in its spec is drawn; or an instance, a
        function, or a runner's class.

    **Raises:** `UnknownNameError`.
    """
    kind = kind_named(kind).name
    sitter = _registered(kind, name_or_made) if isinstance(name_or_made, str) else _given(kind, name_or_made)
    figure = Figure(figsize=(_WIDTH, 3.0), layout="constrained")
    drawn_by(kind, sitter.target)(sitter, figure)
    return figure


def caption(kind: str, name: str) -> str:
    """The caption of a registered component's portrait."""
    return " ".join((inspect.getdoc(drawn_by(kind_named(kind).name, registry().find(kind, name).load())) or "").split())


def drawn_by(kind: str, target: object) -> Drawer:
    """The function of a sitter and a figure that draws a component: its class's own, or that of its kind."""
    own = getattr(target, "portrait", None)
    if own is None:
        return DRAWERS[kind]
    return _documented_as(own)


def _documented_as(own: Callable[[Any, Figure], None]) -> Drawer:
    def draw(sitter: Sitter, figure: Figure) -> None:
        own(sitter.made, figure)

    draw.__doc__ = inspect.getdoc(own)
    return draw


def _registered(kind: str, name: str) -> Sitter:
    component = registry().find(kind, name)
    make = partial(make_example, component, jax.random.key(0))
    made = (lambda **given: make(given)) if kind == "runner" else make()
    return Sitter(made, component.load(), component.spec.name, component.spec.capabilities)


def _given(kind: str, made: object) -> Sitter:
    target = made if inspect.isroutine(made) or isinstance(made, type) else type(made)
    name = getattr(target, "__name__", "it")
    namesakes = (c for c in registry().components(kind) if c.spec.target.rpartition(":")[2] == name)
    capabilities = next((c.spec.capabilities for c in namesakes if c.load() is target), ())
    return Sitter(made, target, name, capabilities)
