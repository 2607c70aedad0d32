"""Taking over the weights of a BrainPy network."""

import re
from collections.abc import Callable, Iterator, Mapping

import numpy as np
from jaxtyping import PyTree

from dynplug.core import Difference, Loaded, is_real, load_state_dict, nodes, train_vars
from dynplug.errors import CheckpointError, OptionError, StateDictError, UnknownPathError, nearest
from dynplug.layers import Dense, GRUCell, LSTMCell, RNNCell

# What BrainPy saves beside its parameters: the values of a run, which start anew here.
_OF_A_RUN = frozenset(["state", "V", "m", "h", "n", "g", "spike", "input", "refractory", "t_last_spike"])

Named = dict[str, np.ndarray]
Taken = Iterator[tuple[str, str, np.ndarray]]  # the path in our layer, BrainPy's name, the values


def from_brainpy(
    model: PyTree, arrays: Mapping[str, object], layers: Mapping[str, str] | None = None, *, strict: bool = True
) -> Loaded:
    """A model with the weights of a BrainPy network; the given model is unchanged.

    Layers `Dense`, `RNNCell`, `GRUCell` and `LSTMCell` are taken over, with trained initial states. Weights are
    transposed, gates put into dynplug's order, and the one that BrainPy adds to an LSTM's forget gate goes into the
    bias. What BrainPy saves of a run (`state`, `V`, `spike` and the like) is left out. It does not save the activation
    of its `RNNCell`, relu by default, nor the constants of neurons and synapses: these must be built to match.

    **Arguments:**

    - `model`: the model, built as the network was. A `GRUCell` needs `reset_after=False`.
    - `arrays`: the variables by BrainPy's names, such as `LSTMCell0.Wi`: what its `state_dict()` returns, or a
        dictionary of NumPy arrays made from `vars().unique()`.
    - `layers`: BrainPy's name of each layer by its path here, `{"hidden": "LSTMCell0"}`. `None`: layers of one kind
        correspond in order, here that of the model, there that of their creation, by which BrainPy numbers them.
    - `strict`: as for `load_state_dict`.

    **Returns:** `(tree, missing, unexpected, differing)`, as `load_state_dict` does: `missing` are the model's
    trainable arrays that got no values, `unexpected` the variables of BrainPy that were not used.

    **Raises:** `StateDictError` if `strict` is not met; `OptionError` if layers cannot be told apart, or one in
    `layers` is unknown; `UnknownPathError`; `CheckpointError` for anything but a dictionary.
    """
    given = _by_owner(arrays)
    ours = {path: node for path, node in nodes(model).items() if type(node) in _TAKES}
    pairs = _inferred(ours, given) if layers is None else _checked(layers, ours, given)

    values: Named = {}
    source: dict[str, str] = {}  # of each path, BrainPy's name
    differing: list[Difference] = []
    for path, owner in pairs.items():
        layer = ours[path]
        if isinstance(layer, GRUCell) and layer.reset_after:
            differing.append(Difference(path, "reset_after=False", "reset_after=True"))
        for name, variable, value in _TAKES[type(layer)](given[owner]):
            at = f"{path}.{name}" if path else name
            values[at], source[at] = value, f"{owner}.{variable}"

    loaded = load_state_dict(model, values, strict=False, cast=True)
    missing = [path for path in train_vars(model) if path not in values]
    unused = [
        f"{owner}.{name}"
        for owner, own in given.items()
        for name in own
        if f"{owner}.{name}" not in set(source.values())
    ]
    loaded = loaded._replace(
        missing=missing,
        unexpected=[*unused, *(source[path] for path in loaded.unexpected)],
        differing=[*differing, *loaded.differing],
    )
    if strict and not loaded.whole:
        raise StateDictError(type(model).__name__, loaded.missing, loaded.unexpected, loaded.differing)
    return loaded


def _by_owner(arrays: object) -> dict[str, Named]:
    """BrainPy's parameters by the names of the objects that have them."""
    if not isinstance(arrays, Mapping):
        raise CheckpointError(
            "from_brainpy takes a dictionary of arrays by BrainPy's names, as its state_dict() gives it; got "
            f"{type(arrays).__name__}."
        )
    found: dict[str, Named] = {}
    for name, value in arrays.items():
        if isinstance(value, Mapping):  # state_dict() has a dictionary for each object, with the same names in it
            for owner, own in _by_owner(value).items():
                found.setdefault(owner, {}).update(own)
        else:
            owner, _, variable = name.rpartition(".")
            if variable not in _OF_A_RUN:
                if not is_real(value):
                    raise CheckpointError(f"from_brainpy takes an array of numbers for {name!r}; got {value!r:.80}.")
                found.setdefault(owner, {})[variable] = np.asarray(value)
    return found


def _kind(own: Named) -> type | None:
    """The kind of layer that has these variables: recurrent ones differ in how many gates are side by side."""
    if "Wh" in own and own["Wh"].ndim == 2 and own["Wh"].size:
        return {1: RNNCell, 3: GRUCell, 4: LSTMCell}.get(own["Wh"].shape[1] // own["Wh"].shape[0])
    return Dense if "W" in own else None


def _inferred(ours: Mapping[str, object], given: Mapping[str, Named]) -> dict[str, str]:
    pairs = {}
    for kind in _TAKES:
        here = [path for path, layer in ours.items() if type(layer) is kind]
        there = [owner for owner, own in given.items() if _kind(own) is kind]
        if len(there) > 1 and not all(re.fullmatch(r"\D+\d+", owner) for owner in there):
            raise OptionError(
                f"BrainPy's {kind.__name__}s {', '.join(there)} have names that show no order. Give `layers`, the name "
                f"of each by its path in the model: {', '.join(map(repr, here)) or 'it has none'}."
            )
        there.sort(key=lambda owner: int("".join(re.findall(r"\d+$", owner)) or 0))
        pairs.update(zip(here, there, strict=False))
    return pairs


def _checked(layers: Mapping[str, str], ours: Mapping[str, object], given: Mapping[str, Named]) -> dict[str, str]:
    if not isinstance(layers, Mapping):
        raise OptionError(f"layers={layers!r} must be BrainPy's name of each layer by path, {{'hidden': 'LSTMCell0'}}.")
    for path, owner in layers.items():
        if path not in ours:
            raise UnknownPathError(f"There is no layer {path!r} that can be taken over. {nearest(path, ours)}")
        if owner not in given:
            raise OptionError(f"BrainPy's variables have no object {owner!r}. {nearest(owner, given)}")
        if _kind(given[owner]) is not type(ours[path]):
            names = ", ".join(given[owner])
            raise OptionError(f"{path!r} is a {type(ours[path]).__name__}, but {owner!r} is not: it has {names}.")
    return dict(layers)


def _dense(own: Named) -> Taken:
    yield from _renamed(own, {"W": "weight", "b": "bias"})


def _rnn(own: Named) -> Taken:
    yield from _renamed(own, {"Wi": "W", "Wh": "U", "b": "bias", "state2train": "state0.value"})


def _gru(own: Named) -> Taken:
    """BrainPy's update gate says how much is new, dynplug's how much stays: its sign changes."""
    gates = {name: _gates(value, 3) for name, value in own.items() if name in ("Wi", "Wh", "b")}
    ordered = {name: np.concatenate([r, -z, n], axis=-1) for name, (z, r, n) in gates.items()}
    yield from _renamed(ordered, {"Wi": "cell.weight_ih", "Wh": "cell.weight_hh", "b": "cell.bias"})
    yield from _renamed(own, {"state2train": "state0.value"})


def _lstm(own: Named) -> Taken:
    """BrainPy has its gates in the order i, g, f, o and computes sigmoid(f + 1)."""
    gates = {name: _gates(value, 4) for name, value in own.items() if name in ("Wi", "Wh")}
    ordered = {name: np.concatenate([i, f, g, o], axis=-1) for name, (i, g, f, o) in gates.items()}
    yield from _renamed(ordered, {"Wi": "cell.weight_ih", "Wh": "cell.weight_hh"})
    i, g, f, o = _gates(own.get("b", np.zeros(own["Wh"].shape[1])), 4)
    source = "b" if "b" in own else "b (it has none, but adds one to its forget gate)"
    yield "cell.bias", source, np.concatenate([i, f + 1.0, g, o])
    if "state2train" in own:
        h, c = _gates(own["state2train"], 2)
        yield "h0.value", "state2train", h
        yield "c0.value", "state2train", c


def _gates(value: np.ndarray, number: int) -> list[np.ndarray]:
    return np.array_split(value, number, axis=-1)  # a wrong size is reported with all else that does not fit


def _renamed(own: Named, names: Mapping[str, str]) -> Taken:
    """Variables under their names here, matrices transposed: (in, out) there is (out, in) here."""
    for name, here in names.items():
        if name in own:
            yield here, name, own[name].T


_TAKES: dict[type, Callable[[Named], Taken]] = {Dense: _dense, RNNCell: _rnn, GRUCell: _gru, LSTMCell: _lstm}
