"""Properties of a module before it runs, found by tracing it with shapes alone."""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, PyTree

from dynplug.errors import CompositionError, ShapeError
from dynplug_flax.linen_form import LinenForm
from dynplug_flax.module_form import Module, ModuleForm, Variables
from dynplug_flax.nnx_form import NNXForm

_FORMS: tuple[tuple[type, Callable[[Any], ModuleForm]], ...] = (
    (nn.Module, LinenForm.of),
    (nnx.Module, NNXForm.of),
)
_THROUGH_TIME = (nn.RNN, nn.Bidirectional, nnx.RNN, nnx.Bidirectional)
_BATCH, _SAMPLES = "batch", 2


def form_of(module: object) -> ModuleForm:
    """The form of a module. **Raises:** `CompositionError` for what is none, or cannot be called step by step."""
    if isinstance(module, _THROUGH_TIME):
        raise CompositionError(
            f"FlaxLayer: {type(module).__name__} goes through time by itself, and a layer takes one step: give its "
            "cell."
        )
    for base, of in _FORMS:
        if isinstance(module, base):
            return of(module)
    given = f"the class {module.__name__}" if isinstance(module, type) else type(module).__name__
    raise CompositionError(
        f"FlaxLayer takes an instance of flax.linen.Module or flax.nnx.Module, or the name of one, such as "
        f'"linen.Dense"; got {given}.'
    )


def accepted(form: ModuleForm, module: Module, size: tuple[int, ...]) -> tuple[jax.ShapeDtypeStruct, Variables, PyTree]:
    """An input that the module takes, floating or else of integers, the shapes of its arrays, and its output.

    **Raises:** `ShapeError` if it takes no input of that shape.
    """
    key = jax.random.key(0)

    def tried(x: Array) -> tuple[Variables, PyTree]:
        variables = form.drawn(module, x, key)
        inputs = form.inputs(variables, x, key)
        changing = [name for name in variables if name != form.trained]
        return variables, form.call(variables, inputs, fit=False, key=key, changing=changing)[0]

    problems: list[Exception] = []
    for dtype in (jnp.result_type(float), np.dtype(np.int32)):
        x = jax.ShapeDtypeStruct(size, dtype)
        try:
            variables, out = jax.eval_shape(tried, x)
        except Exception as error:  # a module of the user's may raise anything
            problems.append(error)
        else:
            return x, variables, out[1] if form.is_cell else out
    raise ShapeError(
        f"FlaxLayer: {form.name} takes no input of shape {size}, which is one sample at one step, without an axis for "
        f"a batch: {_said(problems[0])}"
    ) from problems[0]


def check_fits(
    form: ModuleForm, variables: Variables, x: jax.ShapeDtypeStruct, states: list[str], statistics: list[str]
) -> None:
    """Raise `CompositionError` for a module that cannot be fitted, or whose statistics are those of a sample."""
    key = jax.random.key(0)

    def fitted(x: Array) -> tuple[PyTree, Variables]:
        inputs, changing = form.inputs(variables, x, key), [*states, *statistics]
        out, changed = form.call(variables, inputs, fit=True, key=key, changing=changing)
        return out, {name: changed[name] for name in statistics if name in changed}

    batch = jax.ShapeDtypeStruct((_SAMPLES, *x.shape), x.dtype)
    try:
        jax.eval_shape(jax.vmap(fitted, axis_name=_BATCH), batch)
    except Exception as error:
        raise CompositionError(
            f'FlaxLayer: {form.name} cannot be fitted; the axis of samples is called "{_BATCH}": {_said(error)}'
        ) from error
    try:  # an output without an axis is the same for all samples
        jax.eval_shape(jax.vmap(fitted, axis_name=_BATCH, out_axes=(0, None)), batch)
    except ValueError as error:
        raise CompositionError(
            f"FlaxLayer: {', '.join(statistics)} of {form.name} would be those of each sample: a layer sees one, and "
            f'statistics of a batch are taken over an axis that is called "{_BATCH}". Give the module '
            f'axis_name="{_BATCH}", as linen.BatchNorm(axis_name="{_BATCH}").'
        ) from error


def _said(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
