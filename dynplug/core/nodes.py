"""The systems and the arrays of a model, by path."""

from collections.abc import Iterator

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, PyTree

from dynplug.core.paths import children, leaves, lookup
from dynplug.core.system import DynamicalSystem
from dynplug.errors import OptionError

Kinds = type | tuple[type, ...]


def nodes(
    model: PyTree,
    path: str = "",
    *,
    method: str = "absolute",
    level: int = -1,
    include_self: bool = True,
    include: Kinds = object,
    exclude: Kinds = (),
) -> dict[str, PyTree]:
    """The systems in a model by path, each before those inside it; the model itself has the path `""`.

    Nothing needs to be registered: systems are found in any field, also within tuples, lists and dictionaries.

    ```python
    model = dp.Sequential(encode=dp.layers.Dense(3, 2, key=jax.random.key(0)), hidden=dp.neurons.LIF(2))
    assert list(dp.nodes(model)) == ["", "encode", "hidden"]
    assert list(dp.nodes(model, include=dp.Neuron)) == ["hidden"]
    ```

    **Arguments:**

    - `model`: a system, or any pytree of systems.
    - `path`: the part of it to look at, by default all.
    - `method`: `"absolute"`: paths start at the model; `"relative"`: at the part at `path`.
    - `level`: the depth of the search in systems: 0 for the part itself; -1 for everything in it.
    - `include_self`: whether the part itself is among them.
    - `include`: only systems of this class, or of one of these.
    - `exclude`: no systems of this class, or of one of these, and nothing inside them.
    """
    found = _nodes(model, path, level, include_self, exclude)
    return {_as(method, path, at): node for at, node in found.items() if isinstance(node, include)}


def variables(
    model: PyTree,
    path: str = "",
    *,
    method: str = "absolute",
    level: int = -1,
    include_self: bool = True,
    exclude: Kinds = (),
    trainable: bool | None = None,
) -> dict[str, Array | np.ndarray]:
    """The arrays of the systems in a model, by path. A number such as `tau=20.0` is compiled in and is not an array.

    ```python
    model = dp.Sequential(
        encode=dp.layers.Dense(3, 2, key=jax.random.key(0)),
        hidden=dp.neurons.LIF(2, tau=np.array([10.0, 20.0])),     # one number would be compiled in
    )
    assert list(dp.variables(model)) == ["encode.weight", "encode.bias", "hidden.tau"]
    ```

    **Arguments:** `model`, `path`, `method`, `level`, `include_self` and `exclude` as for `nodes`, and

    - `trainable`: only what the model declares trainable (`True`), or only the rest (`False`).
    """
    owners = set(_nodes(model, path, level, include_self, exclude))
    systems = {path, *_nodes(model, "", -1, True, ())}
    return {
        _as(method, path, leaf.path): leaf.value
        for leaf in leaves(model)
        if is_array(leaf.value)
        and _owner(leaf.path, systems) in owners
        and trainable in (None, leaf.trainable and eqx.is_inexact_array(leaf.value))
    }


def train_vars(
    model: PyTree,
    path: str = "",
    *,
    method: str = "absolute",
    level: int = -1,
    include_self: bool = True,
    exclude: Kinds = (),
) -> dict[str, Array | np.ndarray]:
    """The arrays that a model declares trainable, by path: those that a trainer changes by default.

    ```python
    model = dp.Sequential(
        encode=dp.layers.Dense(3, 2, key=jax.random.key(0)),
        hidden=dp.neurons.LIF(2, tau=np.array([10.0, 20.0])),     # a physical constant
    )
    assert list(dp.train_vars(model)) == ["encode.weight", "encode.bias"]
    ```

    **Arguments:** as for `nodes`.
    """
    return variables(
        model, path, method=method, level=level, include_self=include_self, exclude=exclude, trainable=True
    )


def is_array(value: object) -> bool:
    """Whether a leaf is an array, of JAX or of NumPy."""
    return isinstance(value, (jax.Array, np.ndarray))


def _nodes(model: PyTree, path: str, level: int, include_self: bool, exclude: Kinds) -> dict[str, PyTree]:
    part = lookup(model, path) if path else model
    found = {at: node for at, node, depth in _walk(part, path, 0, exclude) if depth <= level or level < 0}
    if not include_self:
        found.pop(path, None)
    return found


def _walk(node: PyTree, path: str, depth: int, exclude: Kinds) -> Iterator[tuple[str, PyTree, int]]:
    if isinstance(node, exclude):
        return
    if depth == 0 or isinstance(node, DynamicalSystem):
        yield path, node, depth
        depth += 1
    for name, child in children(node):
        yield from _walk(child, f"{path}.{name}" if path else name, depth, exclude)


def _owner(path: str, systems: set[str]) -> str:
    """The path of the system that an array belongs to."""
    while path not in systems:
        path = path.rpartition(".")[0]
    return path


def _as(method: str, start: str, path: str) -> str:
    if method not in ("absolute", "relative"):
        raise OptionError(f"Unknown method {method!r}: give 'absolute' or 'relative'.")
    return path if method == "absolute" else path.removeprefix(start).removeprefix(".")
