"""The contract of every dynamical system, and the one container that needs no wiring."""

from abc import abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, overload

import equinox as eqx
import jax
import numpy as np

from dynplug.core.context import Context
from dynplug.core.drive import Drive
from dynplug.core.parameter import check_parameters
from dynplug.errors import CompositionError, ShapeError, UnknownPathError, nearest


class DynamicalSystem(eqx.Module):
    """How a system's state starts, and how one time step changes it.

    A system is immutable and pure: parameters are its fields, the state is passed in and out, and all else it may
    know is in `ctx`. It sees one sample; runners add batches. Implementing one:

    1. `init_state(ctx)` returns the state: `None`, or a small `equinox.Module` of arrays with dtype `ctx.dtype`.
    2. `update(state, x, ctx)` returns the next state, of the same structure, shapes and dtypes, and the output.
    3. A system that calls others passes each of them `ctx.child(name)`.

    Where the shapes are known beforehand, attributes `in_size` and `out_size` (tuples) let containers check them.
    """

    __array_ufunc__ = None  # so that NumPy leaves `array >> system` to us

    @abstractmethod
    def init_state(self, ctx: Context) -> Any:
        """The state before the first step."""

    @abstractmethod
    def update(self, state: Any, x: Any, ctx: Context) -> tuple[Any, Any]:
        """One step of `ctx.dt`: from the state and the input to the next state and the output."""

    def __check_init__(self) -> None:
        check_parameters(self)

    def __rshift__(self, other: Any) -> "Sequential":
        return Sequential(*_parts(self), *_parts(other))

    def __rrshift__(self, other: Any) -> "Sequential":
        return Sequential(*_parts(other), *_parts(self))


class Lift(DynamicalSystem):
    """A plain function, or a callable module such as those of `equinox.nn`, as a system without state.

    **Arguments:**

    - `function`: called as `function(x)` on one sample.
    """

    function: Callable[[Any], Any]

    def init_state(self, ctx: Context) -> None:
        return None

    def update(self, state: None, x: Any, ctx: Context) -> tuple[None, Any]:
        return None, self.function(x)


class Sequential(DynamicalSystem):
    """Systems in a row: within a step, each receives what the one before it puts out.

    `Sequential(encode=a, hidden=b)` names its parts; `Sequential(a, b)` and `a >> b` number them from "0". A plain
    function is lifted. `model["hidden"]`, `model[1]` and `model[1:]` give parts. The state is a dictionary with the
    same names.

    **Arguments:**

    - `systems`: the parts, in order, numbered.
    - `named`: the parts, in order, named.

    **Raises:** `CompositionError` for a part that is no system; `ShapeError` where two neighbours do not fit.
    """

    names: tuple[str, ...] = eqx.field(static=True)
    systems: tuple[DynamicalSystem, ...]

    def __init__(self, *systems: Any, **named: Any):
        parts = {str(i): s for i, s in enumerate(systems)} | named
        self.names = tuple(parts)
        self.systems = tuple(_lift(s, name) for name, s in parts.items())
        for i in range(len(parts) - 1):
            self._check_joint(i)

    def _check_joint(self, i: int) -> None:
        before, after = self.systems[i], self.systems[i + 1]
        out, into = getattr(before, "out_size", None), getattr(after, "in_size", None)
        if out is not None and into is not None and out != into:
            raise ShapeError(
                f"{self.names[i]!r} ({type(before).__name__}) puts out shape {out}, but {self.names[i + 1]!r} "
                f"({type(after).__name__}) takes {into}."
            )

    @property
    def in_size(self) -> tuple[int, ...] | None:
        return getattr(self.systems[0], "in_size", None) if self.systems else None

    @property
    def out_size(self) -> tuple[int, ...] | None:
        return getattr(self.systems[-1], "out_size", None) if self.systems else None

    def init_state(self, ctx: Context) -> dict[str, Any]:
        return {name: system.init_state(ctx.child(name)) for name, system in self.named_children()}

    def update(self, state: dict[str, Any], x: Any, ctx: Context) -> tuple[dict[str, Any], Any]:
        new: dict[str, Any] = {}
        for name, system in self.named_children():
            new[name], x = system.update(state[name], x, ctx.child(name))
        return new, x

    def named_children(self) -> list[tuple[str, DynamicalSystem]]:
        """The parts by name; the last element of the contract that paths and containers share."""
        return list(zip(self.names, self.systems, strict=True))

    def __len__(self) -> int:
        return len(self.systems)

    def __iter__(self) -> Iterator[DynamicalSystem]:
        return iter(self.systems)

    @overload
    def __getitem__(self, item: str | int) -> DynamicalSystem: ...
    @overload
    def __getitem__(self, item: slice) -> "Sequential": ...
    def __getitem__(self, item: str | int | slice) -> DynamicalSystem:
        if isinstance(item, slice):
            return Sequential(**dict(self.named_children()[item]))
        if isinstance(item, int):
            return self.systems[item]
        if item not in self.names:
            raise UnknownPathError(f"There is no part called {item!r}. {nearest(item, self.names)}")
        return self.systems[self.names.index(item)]


def _parts(x: Any) -> tuple[Any, ...]:
    """What `>>` joins: a numbered Sequential gives up its parts, anything else stays whole."""
    if isinstance(x, Sequential) and x.names == tuple(map(str, range(len(x)))):
        return x.systems
    return (x,)


def _lift(part: Any, name: str) -> DynamicalSystem:
    if isinstance(part, DynamicalSystem):
        return part
    if isinstance(part, (jax.Array, np.ndarray, np.generic, complex, float, int, list, Drive)):
        shape = getattr(part, "shape", None)
        given = type(part).__name__ + ("" if shape is None else f" of shape {shape}")
        raise CompositionError(
            f"A value stands where a system is needed. `>>` joins systems, it does not apply them: inside an update "
            f"write `state_of_layer, x = self.layer.update(state_of_layer, x, ctx.child('layer'))`, and join the "
            f"layers beforehand with `first >> second`. Got {given}."
        )
    if not callable(part) or isinstance(part, type):
        given = f"the class {part.__name__}; make an instance of it" if isinstance(part, type) else repr(part)
        raise CompositionError(f"Part {name!r} is neither a system nor a function: {given}.")
    return Lift(part)
