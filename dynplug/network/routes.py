"""The names and shapes of a network's parts, checked before anything is drawn."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import equinox as eqx
import jax

from dynplug.core import Context, DynamicalSystem, ODESystem, as_system, check_part_name, leaves
from dynplug.errors import CompositionError, DurationError, UnknownPathError, nearest
from dynplug.network.order import Route
from dynplug.sources import Source


class Sizes(NamedTuple):
    """The properties of the populations that edges join.

    **Attributes:** by name, the shapes of what populations send and take, `sends` and `takes`, and the path of the
    variable on which drives act, `acts_on`; the names of those that send spikes, `spiking`, and of those that have
    none for certain, `graded`. A layer may relay the spikes that it is given, and is neither.
    """

    sends: Mapping[str, tuple[int, ...]]
    takes: Mapping[str, tuple[int, ...]]
    acts_on: Mapping[str, str]
    spiking: frozenset[str]
    graded: frozenset[str]


def check_names(nodes: Mapping[str, Any], edges: Mapping[str, Any]) -> None:
    """Check that parts are systems and projections, and that their names can stand in a path."""
    for what, parts in (("populations", nodes), ("projections", edges)):
        if not isinstance(parts, Mapping):
            raise CompositionError(f"Network takes its {what} by name, in a dictionary; got {type(parts).__name__}.")
    for name in (*nodes, *edges):
        check_part_name(name, "network")
    for name, system in nodes.items():
        as_system(system, f"Network, {name!r},")
    for name in edges:
        if name in nodes:
            raise CompositionError(f"The network has a population and a projection called {name!r}: rename one.")


def route_of(name: str, source: str, target: str | tuple[str, ...], nodes: Mapping[str, DynamicalSystem]) -> Route:
    """The source and the targets of a projection, which must be populations."""
    targets = (target,) if isinstance(target, str) else tuple(target)
    for population in (source, *targets):
        if population not in nodes:
            raise UnknownPathError(f"{name}: there is no population {population!r}. {nearest(population, nodes)}")
    return source, targets


def sizes_of(nodes: Mapping[str, DynamicalSystem], routes: Mapping[str, Route]) -> Sizes:
    """The shapes of the populations that projections join."""
    sources = {source for source, _ in routes.values()}
    targets = {target for _, targets in routes.values() for target in targets}
    spiking = frozenset(name for name in sorted(sources | targets) if _spikes(nodes[name]))
    return Sizes(
        {name: declared_shape(name, nodes[name], "out_size", "sends") for name in sorted(sources)},
        {name: declared_shape(name, nodes[name], "in_size", "takes") for name in sorted(targets)},
        {name: f"{name}.{getattr(nodes[name], 'potential', 'V')}" for name in sorted(sources | targets)},
        spiking,
        frozenset(name for name in nodes if isinstance(nodes[name], (ODESystem, Source))) - spiking,
    )


def declared_shape(name: str, system: DynamicalSystem, field: str, does: str) -> tuple[int, ...]:
    """The shape that a population declares in this field, or `CompositionError`."""
    shape = getattr(system, field, None)
    if shape is None:
        raise CompositionError(
            f"Population {name!r}, a {type(system).__name__}, declares no `{field}`, the shape of what it {does}, "
            "which its projections need."
        )
    return shape


def _spikes(system: DynamicalSystem) -> bool:
    """Whether the state has spikes; a system whose state depends on the step, such as a refractory period, has."""
    try:
        state = eqx.filter_eval_shape(lambda: system.init_state(Context(dt=1.0, key=jax.random.key(0))))
    except DurationError:
        return True
    return any(leaf.path.rpartition(".")[2] == "spike" for leaf in leaves(state))
