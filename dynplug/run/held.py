"""The input of a system in a run of a given duration: the same at all steps, or a function of the context."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import PyTree

from dynplug.core import Context, to_jax
from dynplug.errors import DurationError, OptionError
from dynplug.inputs import Input


def check_held(inputs: PyTree, duration: float | None) -> None:
    """Raise for functions where only arrays can be, and for functions that are no `Input`."""
    found = jax.tree.leaves(inputs, is_leaf=_is_input)
    if plain := [part for part in found if callable(part) and not _is_input(part)]:
        raise OptionError(
            f"The inputs of run hold the function {plain[0]!r}: give what dp.inputs makes, or a subclass of "
            "dp.inputs.Input. A function of the context is an input of the runner, as in "
            "DSRunner(model, inputs=('hidden.input', function, 'func'))."
        )
    if duration is None and any(map(_is_input, found)):
        raise DurationError(
            "An input from dp.inputs does not say the length of the run: give a duration too, as in "
            "run(1000.0, inputs=...), or its values at all steps, input.sample(1000.0, dt=...)."
        )


def now(held: PyTree, ctx: Context) -> PyTree:
    """The held input in the step of a context. Random inputs depend on the name of their place alone."""
    return _mapped(lambda place, part: part(ctx.child(place)), held)


def constants_of(held: PyTree) -> PyTree:
    """The parts of a held input that are the same at all steps."""
    return _mapped(lambda place, part: None, held)


def _mapped(function: Callable[[str, Input], PyTree], held: PyTree) -> PyTree:
    """A held input with a function of the place and the input in place of each function of the context."""

    def one(path: jax.tree_util.KeyPath, part: PyTree) -> PyTree:
        place = jax.tree_util.keystr(path, simple=True, separator=".")
        return function(f"inputs of the run.{place}".rstrip("."), part) if _is_input(part) else part

    return jax.tree_util.tree_map_with_path(one, held, is_leaf=_is_input)


def as_held(inputs: PyTree, dtype: DTypeLike) -> PyTree:
    """A held input whose numbers are arrays on the device, so that another number needs no new compilation."""
    arrays = jax.tree.map(to_jax, inputs)
    return jax.tree.map(lambda a: a.astype(dtype) if jnp.issubdtype(a.dtype, jnp.floating) else a, arrays)


def _is_input(part: object) -> bool:
    return isinstance(part, Input)
