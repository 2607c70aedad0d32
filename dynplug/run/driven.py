"""One step of a system under external inputs."""

import operator
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from dynplug.core import Context, Drive, DynamicalSystem, add_inputs, leaves, lookup, nodes, updated
from dynplug.errors import OptionError, ShapeError, StateError, UnknownPathError, nearest
from dynplug.run.stimuli import Entry

_APPLY: dict[str, Callable[[Array, Array], Array]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "=": lambda _, value: value,
}


def drive(
    target: DynamicalSystem, state: PyTree, x: PyTree, entries: list[Entry], ctx: Context
) -> tuple[PyTree, PyTree]:
    """One step of `target` after the entries have changed its state, its input, or the inputs of systems in it.

    **Raises:** `UnknownPathError` for an unknown target, or one whose system the step never calls.
    """
    inner: dict[str, list[Entry]] = {}
    for entry in entries:
        owner = address(target, state, entry.target)
        if owner is None:
            state = _change(state, entry)
        elif owner == "":
            x = combine(x, entry, ctx)
        else:
            inner.setdefault(owner, []).append(entry)
    called: set[str] = set()
    for path in sorted(inner, key=lambda path: path.count("."), reverse=True):  # innermost first
        driven = Driven(lookup(target, path), path, tuple(inner[path]), called.add)
        target = eqx.tree_at(lambda model, path=path: lookup(model, path), target, driven)
    new, out = updated(target, state, x, ctx)
    for path in inner.keys() - called:
        raise UnknownPathError(
            f"Input '{path}.input': the system at {path!r} receives no input, as no step of the model calls its update."
        )
    return new, out


def address(target: PyTree, state: PyTree, path: str) -> str | None:
    """`None` for a target that is a variable of the state, else the path of the system whose input it is.

    **Raises:** `UnknownPathError` with the nearest names.
    """
    variables = [leaf.path for leaf in leaves(state)]
    if path in variables:
        return None
    owner, _, last = path.rpartition(".")
    systems = nodes(target)
    if last == "input" and owner in systems:
        return owner
    known = variables + [f"{name}.input" if name else "input" for name in systems]
    raise UnknownPathError(
        f"Input {path!r} is neither a variable of the state nor the input of a system. {nearest(path, known)}"
    )


def check_variable(
    path: str, operation: str, variable: Array | np.ndarray | jax.ShapeDtypeStruct, value: PyTree
) -> None:
    """Raise if a value cannot go into a variable of the state, both being arrays or their shapes and dtypes."""
    if not hasattr(value, "shape"):
        raise ShapeError(f"Input {path!r} is a variable, a single array, but its value is a {type(value).__name__}.")
    if _broadcast(variable.shape, value.shape) != variable.shape:
        raise ShapeError(
            f"Input {path!r} has shape {value.shape}, the variable {variable.shape}: give one number, or one per unit."
        )
    exact, given = np.dtype(variable.dtype), np.dtype(value.dtype)
    if exact.kind != "f" and (given.kind not in ("b" if exact.kind == "b" else "biu") or operation == "/"):
        raise StateError(
            f"Input {path!r} with {operation!r} would put {given} values into a variable of dtype {exact}."
        )
    if exact.kind == "b" and operation != "=":
        raise StateError(f"Input {path!r}: a variable of dtype bool can only be set, by '='; got {operation!r}.")


def combine(x: PyTree, entry: Entry, ctx: Context) -> PyTree:
    """The input of a system after an entry. An array is a current if the other is a `Drive`; no input counts as 0."""
    path, value, operation = entry
    if operation == "=":
        return value
    if x is None:
        if operation in "*/":
            raise OptionError(f"Input {path!r} with {operation!r}: the system has no other input to change.")
        return jax.tree.map(operator.neg, value) if operation == "-" else value
    if operation in "+-" and (isinstance(x, Drive) or isinstance(value, Drive)):
        signed = jax.tree.map(operator.neg, value) if operation == "-" else value
        return add_inputs(x, signed)
    if isinstance(x, Drive) and not isinstance(value, Drive):
        return jax.tree.map(lambda part: _with(path, operation, part, value, ctx), x)
    if jax.tree.structure(x) != jax.tree.structure(value):
        raise ShapeError(
            f"Input {path!r} is {jax.tree.structure(value)}, the system's other input {jax.tree.structure(x)}: "
            "they must have the same structure."
        )
    return jax.tree.map(lambda a, b: _with(path, operation, a, b, ctx), x, value)


class Driven(DynamicalSystem):
    """A system whose input is modified on its way in; otherwise it behaves as that system."""

    system: DynamicalSystem
    path: str = eqx.field(static=True)
    entries: tuple[Entry, ...]
    call: Callable[[str], None] = eqx.field(static=True)

    def init_state(self, ctx: Context) -> PyTree:
        return self.system.init_state(ctx)

    def update(self, state: PyTree, x: PyTree, ctx: Context) -> tuple[PyTree, PyTree]:
        self.call(self.path)
        for entry in self.entries:
            x = combine(x, entry, ctx)
        return updated(self.system, state, x, ctx)

    def __getattr__(self, name: str) -> object:
        if name.startswith("__") or name == "system":
            raise AttributeError(name)
        return getattr(self.system, name)

    def __getitem__(self, item: object) -> object:
        return self.system[item]  # pyright: ignore[reportIndexIssue]


def _change(state: PyTree, entry: Entry) -> PyTree:
    path, value, operation = entry
    variable = lookup(state, path)
    check_variable(path, operation, variable, value)
    value = jnp.broadcast_to(value.astype(variable.dtype), variable.shape)
    return eqx.tree_at(lambda s: lookup(s, path), state, _APPLY[operation](variable, value))


def _with(path: str, operation: str, a: PyTree, b: PyTree, ctx: Context) -> PyTree:
    a, b = jnp.asarray(a), jnp.asarray(b)
    shape = _broadcast(a.shape, b.shape)
    if shape is None:
        raise ShapeError(f"Input {path!r} has shape {b.shape}, the system's other input {a.shape}.")
    exact = a.dtype == b.dtype and operation != "/" and not jnp.issubdtype(a.dtype, jnp.bool_)
    a, b = (jnp.broadcast_to(v if exact else v.astype(ctx.dtype), shape) for v in (a, b))
    return _APPLY[operation](a, b)


def _broadcast(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...] | None:
    try:
        return np.broadcast_shapes(a, b)
    except ValueError:
        return None
