"""The populations whose spikes a run records as events."""

from collections.abc import Iterable, Mapping, Sequence

import equinox as eqx
import numpy as np
from jaxtyping import PyTree

from dynplug.core import events, lookup
from dynplug.errors import OptionError, UnknownPathError, nearest
from dynplug.run.spike_bits import pack

SPIKE = "spike"  # the field, and so the name of a model that is itself a population
_FORMS = "give a list of paths such as ['E', 'I'], a mapping from names to paths, or True for all populations"


class SpikeFields(eqx.Module):
    """Named fields of the state, read after each step as bits.

    **Arguments:**

    - `paths`: names and the paths of their fields.
    - `shapes`: the shapes of the populations.
    """

    paths: tuple[tuple[str, str], ...] = eqx.field(static=True, default=())
    shapes: tuple[tuple[int, ...], ...] = eqx.field(static=True, default=())

    def __call__(self, state: PyTree) -> dict[str, PyTree]:
        return {name: pack(lookup(state, path)) for name, path in self.paths}


def spike_fields(spikes: object, state: PyTree) -> SpikeFields:
    """Fields from the forms that users write.

    **Arguments:**

    - `spikes`: a sequence of paths of systems, or of their fields; a mapping from names to them; `True` for all systems
        with a field `spike`, a model that is one itself under this name; `None` for none.
    - `state`: the state of one sample, or its shapes and dtypes.
    """
    known = events(state)
    paths = {name: _field(path, state, known) for name, path in _items(spikes, known)}
    return SpikeFields(tuple(paths.items()), tuple(np.shape(known[path]) for path in paths.values()))


def _items(spikes: object, known: Mapping[str, PyTree]) -> Iterable[tuple[str, str]]:
    if spikes is None or spikes is False:
        return []
    if spikes is True:
        own = [path for path in known if path.rpartition(".")[2] == SPIKE]
        if not own:
            raise UnknownPathError("spikes=True: no part of the model has a state with a field 'spike'.")
        return [(path.removesuffix(f".{SPIKE}"), path) for path in own]
    if isinstance(spikes, Mapping):
        items = list(spikes.items())
    elif isinstance(spikes, Sequence) and not isinstance(spikes, str):
        items = [(path, path) for path in spikes]
    else:
        raise OptionError(f"spikes={spikes!r}: {_FORMS}.")
    for item in items:
        if not all(isinstance(part, str) for part in item):
            raise OptionError(f"spikes={spikes!r}: {item[1]!r} is no path; {_FORMS}.")
    return items


def _field(path: str, state: PyTree, known: Mapping[str, PyTree]) -> str:
    """The path of the events that a path of a system, or of the events themselves, means."""
    for found in (path, f"{path}.{SPIKE}"):
        if found in known:
            return found
    lookup(state, path)  # answers a path that does not exist
    owners = [p.removesuffix(f".{SPIKE}") for p in known]
    raise UnknownPathError(f"spikes: the state at {path!r} has no field {SPIKE!r}. {nearest(path, owners)}")
