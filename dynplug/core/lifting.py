"""Lifting of functions and foreign modules into a model: checks, calls and output shapes."""

import inspect
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import PyTree

from dynplug.core.context import Context
from dynplug.errors import CompositionError, ShapeError
from dynplug.plugin import registry

_ANY_NUMBER = inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD
_BY_POSITION = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def called(function: Callable[..., PyTree], x: PyTree, ctx: Context) -> PyTree:
    """The output of a function for one sample; with a key if it takes one, in inference mode unless fitting."""
    key = (_parameters(function) or {}).get("key")
    if not ctx.fit:
        function = eqx.nn.inference_mode(function)
    if key is None or key.kind in _ANY_NUMBER:
        return function(x)
    random = key.default is key.empty or any(getattr(node, "inference", True) is False for node in _nodes(function))
    return function(x, key=ctx.random_key() if random else ctx.key)


def as_numbers(function: Callable[..., PyTree], x: PyTree, dtype: DTypeLike) -> PyTree:
    """Spikes that are booleans as numbers of a floating dtype; for layers of `equinox.nn`, integers, too.

    A normalisation gives its result the dtype of its input, which would make booleans or integers of it in silence.
    What looks up an index gets it as it is.
    """
    nodes = _nodes(function) if type(function).__module__.startswith("equinox.nn") else []
    counts = bool(nodes) and not any(isinstance(node, eqx.nn.Embedding) for node in nodes)

    def number(a: PyTree) -> PyTree:
        kind = getattr(a, "dtype", np.dtype(object))
        spikes, count = jnp.issubdtype(kind, jnp.bool_), jnp.issubdtype(kind, jnp.integer)
        return jnp.asarray(a, dtype) if spikes or (counts and count) else a

    return jax.tree.map(number, x)


def check_liftable(function: Callable[..., PyTree]) -> None:
    """Raise `CompositionError` for a callable that does not take one input, or keeps a state that would be lost."""
    parameters = _parameters(function)
    name = type(function).__name__ if isinstance(function, eqx.Module) else getattr(function, "__name__", "A function")
    if any(isinstance(node, eqx.nn.StateIndex) for node in _nodes(function)):
        raise CompositionError(
            f"{name} keeps a state of Equinox's (`equinox.nn.State`): make it a system by dp.layers.Stateful(layer, "
            "state), with both as equinox.nn.make_with_state gives them. Without a state normalise within a sample: "
            "equinox.nn.LayerNorm, RMSNorm, GroupNorm; the weights: WeightNorm; or by dp.layers.TDBatchNorm."
        )
    if parameters is None:
        return
    given = next((p.name for p in parameters.values() if p.kind in (*_BY_POSITION, p.VAR_POSITIONAL)), None)
    needed = [p.name for p in parameters.values() if p.default is p.empty and p.kind not in _ANY_NUMBER]
    more = [name for name in needed if name not in (given, "key")]
    if more or given is None:
        takes = f"needs {', '.join(needed)}" if more else "takes no input"
        raise CompositionError(
            f"{name} {takes}, but a part of a model is called with one input, x. {_instead(name)}Bind constants "
            f"in a function of x, or write a DynamicalSystem whose update calls it and whose state holds what changes."
        )


def shape_after(function: Callable[..., PyTree], size: tuple[int, ...]) -> tuple[int, ...] | None:
    """The shape of the output for an input of a shape; `None` if it is not known before it is run.

    **Raises:** `ShapeError` if the function does not take such an input.
    """

    def out(x: PyTree) -> PyTree:
        return called(function, x, Context(dt=1.0, key=jax.random.key(0)))

    for dtype in (jnp.result_type(float), jnp.int32):
        try:
            with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
                found = jax.eval_shape(out, jax.ShapeDtypeStruct(size, dtype))
        except (TypeError, ValueError) as error:
            problem = error
            if isinstance(error, jax.errors.JAXTypeError):  # it needs values
                return None
        except Exception:  # it does not take an array; any other error is raised again when it is run
            return None
        else:
            return getattr(found, "shape", None)
    raise ShapeError(f"cannot take an input of shape {size}: {str(problem).splitlines()[0]}")


def _instead(name: str) -> str:
    """Advice to use the registered layer of the same name, if there is one."""
    known = registry().candidates(name, "layer")
    return f"Use {known[0].spec.target.replace(':', '.')} instead. " if known else ""


def _parameters(function: Callable[..., PyTree]) -> dict[str, inspect.Parameter] | None:
    """The parameters of a function; `None` if they are not known, as for some functions written in C."""
    try:
        return dict(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return None


def _nodes(tree: PyTree) -> list[eqx.Module]:
    """All modules within a module, itself included."""
    if not isinstance(tree, eqx.Module):
        return []
    found = [tree]

    def visit(node: object) -> bool:
        if node is not tree and isinstance(node, eqx.Module):
            found.extend(_nodes(node))
            return True
        return False

    jax.tree.leaves(tree, is_leaf=visit)
    return found
