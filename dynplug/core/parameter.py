"""Parameters of models: declaration, and checks of their values."""

import dataclasses
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, get_origin, get_type_hints

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array

from dynplug.core.numbers import as_flag, check_number, is_real, is_whole
from dynplug.errors import ParameterError

Parameter = float | Array
"""A parameter in its field: a number, which is compiled in, or an array, which is traced."""

TRAINABLE = "dynplug.trainable"
POSITIVE = "dynplug.positive"
DRAWN = "dynplug.drawn"
STEPWISE = "dynplug.stepwise"
STATISTIC = "dynplug.statistic"


def param(
    default: object = dataclasses.MISSING,
    *,
    trainable: bool = False,
    positive: bool = False,
    drawn: bool = False,
    stepwise: bool = False,
) -> Any:
    """A field that holds a physical constant, which is not trained unless the user asks for it.

    A number is compiled into the program. An array (one value per unit) is an input of the program. NumPy arrays and
    lists become JAX arrays, integers become floats.

    ```python
    class Leak(dp.DynamicalSystem):
        tau: dp.Parameter = dp.param(10.0, positive=True)     # [ms]

        def init_state(self, ctx):
            return jnp.zeros((), ctx.dtype)

        def update(self, state, x, ctx):
            new = state + ctx.dt / self.tau * (x - state)
            return new, new

    _, y = dp.LoopOverTime(Leak(2.0), dt=1.0)(jnp.ones(3))
    assert y.tolist() == [0.5, 0.75, 0.875]     # Leak(-2.0) is a ParameterError
    ```

    **Arguments:**

    - `default`: the value if none is given.
    - `trainable`: whether trainers change it by default.
    - `positive`: whether values must be greater than zero: others are refused, and trainers keep them so.
    - `drawn`: whether an initializer may stand in place of values, which are then drawn when the state is initialised.
    - `stepwise`: whether values are counted in whole steps, so that nothing has a derivative with respect to them.
    """
    metadata = {TRAINABLE: trainable, POSITIVE: positive, DRAWN: drawn, STEPWISE: stepwise}
    return eqx.field(default=default, converter=_Constant(), metadata=metadata)


def statistic() -> Any:
    """A field of arrays that trainers do not train, but that change with the batches, such as a running mean.

    Those of a system with a method `learned(state)`, called with its states of all samples after a batch, or
    `settle(xs, counts, i)`, called with all inputs before it, both of which return the system with other values.
    """
    return eqx.field(metadata={TRAINABLE: False, STATISTIC: True})


def check_parameters(system: eqx.Module) -> None:
    """Raise `ParameterError` for a parameter of a wrong sign or shape, and for a part of a wrong class."""
    size = getattr(system, "size", None)
    for field in dataclasses.fields(system):
        value, where = getattr(system, field.name), f"{type(system).__name__}({field.name}=...)"
        if field.type is bool:
            as_flag(f"{type(system).__name__}: {field.name}", value, error=ParameterError)
        if POSITIVE not in field.metadata:
            continue
        if size is not None and np.shape(value) not in ((), size):
            raise ParameterError(f"{where} has shape {np.shape(value)}; give one number, or one per unit: {size}.")
        if value is None and field.default is not None:
            raise ParameterError(f"{where} must be a number, or an array with one per unit; got None.")
        check_value(where, field, value)
    _check_parts(system)


def check_value(where: str, field: dataclasses.Field, value: object) -> None:
    """Raise `ParameterError` for a value that a field made by `param` cannot take; traced values are not checked.

    **Arguments:**

    - `where`: the name of the value, for the message.
    - `field`: the field.
    - `value`: the value; `None` for none.
    """
    if POSITIVE not in field.metadata or value is None or isinstance(value, Tracer):
        return
    if callable(value) and field.metadata.get(DRAWN):
        return
    if not is_real(value):
        what = f"the function {value!r}" if callable(value) else repr(value)
        raise ParameterError(f"{where} must be a number, or an array with one per unit; got {what}.")
    if not np.all(np.isfinite(np.asarray(value))):
        raise ParameterError(f"{where} must be finite; got {value}.")
    if field.metadata[POSITIVE] and not np.all(np.asarray(value) > 0):
        raise ParameterError(f"{where} must be greater than zero; got {value}.")


def check_not_negative(system: eqx.Module, *names: str) -> None:
    """Raise `ParameterError` for a field of a system that is below zero, as no conductance is when it is given."""
    for name in names:
        check_number(f"{type(system).__name__}: {name}", getattr(system, name), least=0.0)


def _check_parts(system: eqx.Module) -> None:
    """Raise `ParameterError` if a field for a module, such as a surrogate or a solver, holds something else."""
    for name, wanted in _parts_of(type(system)):
        part = getattr(system, name)
        # a function will do for what is called; a system is not, though it has a `__call__` that says so
        called = not hasattr(wanted, "init_state") and any("__call__" in vars(c) for c in wanted.__mro__)
        if isinstance(part, wanted) or (called and callable(part) and not isinstance(part, type)):
            continue
        given = (
            f"the class {part.__name__}: give an instance, {part.__name__}(...)"
            if isinstance(part, type)
            else repr(part)
        )
        hint = " By its name a component is made with dynplug.build." if isinstance(part, str) else ""
        raise ParameterError(f"{type(system).__name__}({name}=...) takes a {wanted.__name__}; got {given}.{hint}")


@lru_cache(maxsize=1024)
def _parts_of(cls: type) -> tuple[tuple[str, type], ...]:
    """The fields of a class that are annotated as a single module."""
    try:
        hints = get_type_hints(cls)
    except Exception:  # an annotation that only a type checker can read
        return ()
    named = ((field.name, hints.get(field.name)) for field in dataclasses.fields(cls))
    plain = ((name, get_origin(hint) or hint) for name, hint in named)
    return tuple((name, hint) for name, hint in plain if isinstance(hint, type) and issubclass(hint, eqx.Module))


class _Constant:
    """The converter of one field made by `param`. A class's own checks come after it, and see numbers alone."""

    def __call__(self, value: object) -> object:
        if isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool):
            return float(value)
        if isinstance(value, (str, bytes)):
            raise self._refused(f"the text {value!r}")
        if not isinstance(value, (np.ndarray, Sequence)):
            return value
        if not any(isinstance(one, Tracer) for one in jax.tree.leaves(value)) and not is_real(value):
            raise self._refused(f"{value!r:.80}")
        return jnp.asarray(value, float)

    def _refused(self, given: str) -> ParameterError:
        return ParameterError(f"{self._name()} must be a number, or an array with one per unit; got {given}.")

    def _name(self) -> str:
        """The name of the field, which no converter is told: looked for among all classes."""
        classes: list[type] = [eqx.Module]
        for cls in classes:
            classes += cls.__subclasses__()  # they come to their turn, too
            for field in dataclasses.fields(cls) if dataclasses.is_dataclass(cls) else ():
                if field.metadata.get("converter") is self:
                    return field.name
        return "A parameter"


def as_size(size: int | Sequence[int]) -> tuple[int, ...]:
    """The number of units as a tuple; a grid of units has several numbers.

    The converter of the field `size`: `size: tuple[int, ...] = eqx.field(static=True, converter=as_size)`.

    ```python
    assert dp.as_size(3) == (3,) and dp.as_size([8, 6]) == (8, 6)
    ```
    """
    units = tuple(size) if isinstance(size, (Sequence, np.ndarray)) else (size,)
    if not units or not all(is_whole(n) for n in units):
        raise ParameterError(f"size must be a positive integer or a tuple of them; got {size!r}.")
    return tuple(int(n) for n in units)


def target_size() -> Any:
    """The field `size` of a synapse: without one, it is a single synapse, and in a `Projection` one per target unit.

    ```python
    synapse = dp.synapses.Exponential(tau=5.0)     # its field is `size: tuple[int, ...] = dp.target_size()`
    assert synapse.size == ()
    recurrent = dp.Projection("E", "E", "AllToAll", weight=0.1, delay=1.0, synapse=synapse)
    net = dp.Network({"E": dp.neurons.LIF(3)}, {"rec": recurrent})
    assert dp.lookup(net, "rec.synapse").size == (3,)
    ```
    """
    return eqx.field(static=True, default=(), converter=lambda size: () if size == () else as_size(size))


def as_count(name: str, count: object) -> int:
    """A number of units, checked, or `ParameterError`."""
    if not is_whole(count):
        raise ParameterError(f"{name} must be a positive integer; got {count!r}.")
    return int(count)
