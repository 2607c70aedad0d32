"""The contract of dynamical systems, and the container that needs no wiring."""

import inspect
from abc import abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, NoReturn, overload

import equinox as eqx
import jax
import numpy as np
from jaxtyping import PyTree

from dynplug.core.context import Context
from dynplug.core.drive import Drive
from dynplug.core.lifting import as_numbers, called, check_liftable, shape_after
from dynplug.core.parameter import as_size, check_parameters
from dynplug.core.paths import check_part_name
from dynplug.core.step_results import described_value, updated
from dynplug.errors import CompositionError, KeyRequiredError, ShapeError, UnknownPathError, nearest
from dynplug.plugin import check_keywords


class _Answering(type(eqx.Module)):
    """Lets constructors explain an unknown keyword, and a number in place of a random key."""

    def __call__(cls, *args: object, **kwargs: object) -> Any:
        if isinstance(key := kwargs.get("key"), int):
            raise KeyRequiredError(f"{cls.__name__}: key={key!r} is not a random key: give key=jax.random.key({key}).")
        try:
            return super().__call__(*args, **kwargs)
        except TypeError as error:
            if "unexpected keyword argument" in str(error):
                accepted = inspect.signature(cls).parameters
                if not any(p.kind is p.VAR_KEYWORD for p in accepted.values()):
                    check_keywords(cls.__name__, kwargs, accepted)
            raise


def as_system(target: object, where: str) -> "DynamicalSystem":
    """The target of a runner, or `CompositionError` if it is not a system."""
    if isinstance(target, type):
        raise CompositionError(f"{where} runs a system, but {target.__name__} is a class: give an instance of it.")
    if isinstance(target, DynamicalSystem):
        return target
    if _is_like_a_system(target):
        raise CompositionError(f"{where} runs a system, but {_to_be_derived(target)}")
    kind = getattr(target, "__name__", type(target).__name__)
    lifted = " A function or a stateless module is made one by dp.Lift(...)." if callable(target) else ""
    raise CompositionError(
        f"{where} runs a system, with init_state and update, but {kind} is not one.{lifted} Several in a row are "
        "dp.Sequential(...)."
    )


def _is_like_a_system(target: object) -> bool:
    return hasattr(target, "init_state") and hasattr(target, "update")


def _to_be_derived(target: object) -> str:
    name = type(target).__name__
    return (
        f"{name} is none, although it has init_state and update: derive it from dp.DynamicalSystem, itself an "
        f"equinox.Module, `class {name}(dp.DynamicalSystem)`."
    )


class DynamicalSystem(eqx.Module, metaclass=_Answering):
    """A dynamical system: its initial state, and how one time step changes it.

    A system is immutable and pure: parameters are its fields, the state is passed in and out, and everything else
    is in `ctx`. It sees one sample; runners add batches. Implementing one:

    1. `init_state(ctx)` returns the state: `None`, or a small `equinox.Module` of arrays with dtype `ctx.dtype`.
    2. `update(state, x, ctx)` returns the next state, of the same structure, shapes and dtypes, and the output.
    3. A system that calls others passes each of them `ctx.child(name)`.

    ```python
    class Counter(dp.DynamicalSystem):     # counts the inputs above a threshold
        threshold: dp.Parameter = dp.param(0.5)

        def init_state(self, ctx):
            return jnp.zeros((), jnp.int32)

        def update(self, state, x, ctx):
            new = state + jnp.sum(x > self.threshold, dtype=jnp.int32)
            return new, new

    state, counts = dp.LoopOverTime(Counter(), dt=1.0)(jnp.array([[0.2], [0.9], [0.7]]))     # counts: 0, 1, 2
    ```

    If the shapes are known beforehand, attributes `in_size` and `out_size` (tuples) let containers check them.
    """

    __array_ufunc__ = None  # so that NumPy leaves `array >> system` to `__rrshift__`

    @abstractmethod
    def init_state(self, ctx: Context) -> PyTree:
        """The state before the first step."""

    @abstractmethod
    def update(self, state: PyTree, x: PyTree, ctx: Context) -> tuple[PyTree, PyTree]:
        """One step of `ctx.dt`: from the state and the input to the next state and the output."""

    def __check_init__(self) -> None:
        check_parameters(self)

    def __call__(self, *args: object, **kwargs: object) -> NoReturn:
        """Say what to do in its place, to those who come from modules that are called."""
        name = type(self).__name__
        raise CompositionError(
            f"{name} is a system, and is not called: a step needs its state, too. Over time it is run by "
            "state, outputs = dp.LoopOverTime(model, dt=1.0)(x), with x of (time, ...), or data_first_axis='B' for "
            "(batch, time, ...); a trainer, as dp.BPTT, has predict(x). Within an update of your own write "
            "`state_of_part, y = self.part.update(state_of_part, x, ctx.child('part'))`."
        )

    def __rshift__(self, other: object) -> "Sequential":
        return Sequential(*_parts(self), *_parts(other))

    def __rrshift__(self, other: object) -> "Sequential":
        return Sequential(*_parts(other), *_parts(self))


class Lift(DynamicalSystem):
    """A plain function, or a callable module such as most of `equinox.nn`, as a system without state.

    `>>` and `Sequential` lift functions themselves; it is only needed if neither side of a `>>` is a system, as in
    `dp.Lift(eqx.nn.Conv2d(1, 8, 3, key=key)) >> eqx.nn.MaxPool2d(2) >> dp.neurons.LIF((8, 6, 6))`, which is also
    `dp.Sequential(conv, pool, lif)`.

    ```python
    model = dp.Lift(jnp.tanh) >> dp.neurons.LIF(8)
    ```

    Booleans, as encoders make spikes, reach the function as numbers; so do integers those of `equinox.nn` without an
    `Embedding`. A function that takes a `key` is given the context's. Modules with a field `inference`, such as
    `equinox.nn.Dropout`, are in inference mode unless a trainer is fitting.

    **Arguments:**

    - `function`: called as `function(x)`, or `function(x, key=...)`, on one sample.
    - `in_size`: the shape of `x`, from which that of the output follows, so that containers can check what comes next.

    **Raises:** `CompositionError` for a function that needs more than `x`, and for a module that keeps a state, such as
    `equinox.nn.GRUCell` or `equinox.nn.BatchNorm`; `ShapeError` if it cannot take `in_size`.
    """

    function: Callable[..., PyTree]
    in_size: tuple[int, ...] | None = eqx.field(
        static=True, default=None, converter=lambda size: None if size is None else as_size(size)
    )

    def __check_init__(self) -> None:
        check_liftable(self.function)
        self.follow(self.in_size)

    def init_state(self, ctx: Context) -> None:
        return None

    def update(self, state: None, x: PyTree, ctx: Context) -> tuple[None, PyTree]:
        return None, called(self.function, as_numbers(self.function, x, ctx.dtype), ctx)

    @property
    def out_size(self) -> tuple[int, ...] | None:
        return self.follow(self.in_size)

    def follow(self, size: tuple[int, ...] | None) -> tuple[int, ...] | None:
        """The shape of the output for an input of a shape, `None` if unknown; or `ShapeError`."""
        return None if size is None else shape_after(self.function, size)


class Sequential(DynamicalSystem):
    r"""Systems in a row: within a step, each receives the output of the one before it.

    $$y = (f_n \circ \dots \circ f_2 \circ f_1)(x)$$

    `Sequential(encode=a, hidden=b)` names its parts; `Sequential(a, b)` and `a >> b` number them from "0". A plain
    function, or a module such as `equinox.nn.Conv2d`, becomes a `Lift`. `model["hidden"]`, `model[1]` and `model[1:]`
    give parts. The state is a dictionary with the same names.

    ```python
    key = jax.random.key(0)
    model = dp.Sequential(encode=dp.layers.Dense(3, 5, key=key), hidden=dp.neurons.LIF(5))
    model["hidden"].tau
    _, (spikes, V) = dp.LoopOverTime(model, "hidden.V", dt=1.0)(jnp.ones((20, 3)))
    ```

    **Arguments:**

    - `systems`: the parts, in order, numbered.
    - `named`: the parts, in order, named.

    **Raises:** `CompositionError` for a part that is not a system, or a name with a dot; `ShapeError` if two
    neighbours do not fit.

    **Reference:** Kidger, P. & Garcia, C. (2021), Equinox: neural networks in JAX via callable PyTrees and filtered
    transformations, arXiv:2111.00254.
    """

    names: tuple[str, ...] = eqx.field(static=True)
    systems: tuple[DynamicalSystem, ...]

    def __init__(self, *systems: object, **named: object):
        numbered = {str(i): s for i, s in enumerate(systems)}
        for name in named:
            check_part_name(name, "Sequential")
            if name in numbered:
                raise CompositionError(f"Two parts are called {name!r}, one of them by its number: rename the other.")
        parts = numbered | named
        self.names = tuple(parts)
        self.systems = tuple(_lift(s, name) for name, s in parts.items())
        self.follow(self.in_size)

    def follow(self, size: tuple[int, ...] | None) -> tuple[int, ...] | None:
        """The shape of the output for an input of a shape, `None` if unknown; or `ShapeError`."""
        before = "the input"
        for name, system in self.named_children():
            what, into = f"{name!r} ({_called(system)})", getattr(system, "in_size", None)
            if size is not None and into is not None and size != into:
                raise ShapeError(f"{before} outputs shape {size}, but {what} takes {into}.")
            try:
                known = into if size is None else size
                size = system.follow(known) if isinstance(system, (Lift, Sequential)) else _out_size(system)
            except ShapeError as error:
                raise ShapeError(f"{before} outputs shape {size}, but {what}: {error}") from error
            before = what
        return size

    @property
    def in_size(self) -> tuple[int, ...] | None:
        return getattr(self.systems[0], "in_size", None) if self.systems else None

    @property
    def out_size(self) -> tuple[int, ...] | None:
        return self.follow(self.in_size)

    def init_state(self, ctx: Context) -> dict[str, PyTree]:
        return {name: system.init_state(ctx.child(name)) for name, system in self.named_children()}

    def update(self, state: dict[str, PyTree], x: PyTree, ctx: Context) -> tuple[dict[str, PyTree], PyTree]:
        new: dict[str, PyTree] = {}
        for name, system in self.named_children():
            new[name], x = updated(system, state[name], x, ctx.child(name))
        return new, x

    def named_children(self) -> list[tuple[str, DynamicalSystem]]:
        """The parts by name, for paths and containers."""
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


def _parts(x: object) -> tuple[object, ...]:
    """The parts that `>>` joins: those of a numbered Sequential, or the system itself."""
    if isinstance(x, Sequential) and x.names == tuple(map(str, range(len(x)))):
        return x.systems
    return (x,)


def _out_size(system: DynamicalSystem) -> tuple[int, ...] | None:
    return getattr(system, "out_size", None)


def _called(system: DynamicalSystem) -> str:
    return type(system.function if isinstance(system, Lift) else system).__name__


def _lift(part: object, name: str) -> DynamicalSystem:
    if isinstance(part, DynamicalSystem):
        return part
    if isinstance(part, (jax.Array, np.ndarray, np.generic, complex, float, int, list, Drive)):
        raise CompositionError(
            f"Got a value where a system is needed. `>>` joins systems, it does not apply them: inside an update "
            f"write `state_of_layer, x = self.layer.update(state_of_layer, x, ctx.child('layer'))`, and join the "
            f"layers beforehand with `first >> second`. Got {described_value(part)}."
        )
    if _is_like_a_system(part) and not isinstance(part, type):
        raise CompositionError(f"Part {name!r} is to be a system, but {_to_be_derived(part)}")
    if not callable(part) or isinstance(part, type):
        given = f"the class {part.__name__}; give an instance of it" if isinstance(part, type) else repr(part)
        raise CompositionError(f"Part {name!r} is neither a system nor a function: {given}.")
    try:
        return Lift(part)
    except CompositionError as error:
        raise CompositionError(f"Part {name!r}: {error}") from None
