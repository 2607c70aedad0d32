"""Losses and metrics: the value over the error of the predictions."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from matplotlib.figure import Figure

from dynplug.errors import DynplugError
from dynplug.plot.portraits.sitter import Sitter, panels
from dynplug.plot.portraits.ticks import at_whole_numbers

_SAMPLES, _CLASSES = 400, 10


class _Case(NamedTuple):
    """Targets that a measure takes, and predictions for them by a single number."""

    targets: Array
    predicts: Callable[[Array], Array]
    label: str


def loss(sitter: Sitter, figure: Figure) -> None:
    """Above, the loss over the error of a prediction, or over the right class's lead; below, its derivative."""
    above, below = panels(figure, 2)
    label = jnp.zeros(1, jnp.int32)
    values = jnp.linspace(-1.0, 1.0, 21)[:, None, None]
    case = _taken(
        sitter.made,
        _Case(
            label, lambda x: jnp.stack([x, jnp.zeros_like(x)])[None, None], "logit of the right class, less the other"
        ),
        _Case(values, lambda x: values + x, "error of all predictions"),
    )
    x = jnp.linspace(-4.0, 4.0, 402)  # not at 0, where a root has no derivative
    value, slope = jax.vmap(jax.value_and_grad(lambda x: sitter.made(case.predicts(x), case.targets)))(x)
    above.plot(x, value)
    above.set(xlabel=f"{case.label} [-]", ylabel="loss [-]")
    below.plot(x, slope)
    below.set(xlabel=f"{case.label} [-]", ylabel="derivative [-]")


def metric(sitter: Sitter, figure: Figure) -> None:
    """The metric over the noise that is added to perfect predictions; a matrix is shown for noise of deviation 1."""
    (ax,) = panels(figure, 1)
    numbers = np.random.default_rng(0)
    labels = jnp.asarray(numbers.integers(_CLASSES, size=_SAMPLES), jnp.int32)
    scores = jax.nn.one_hot(labels, _CLASSES)[:, None]
    values = jnp.asarray(numbers.normal(size=(_SAMPLES, 1, 1)), jnp.float32)
    noise = jnp.asarray(numbers.normal(size=(_SAMPLES, 1, _CLASSES)), jnp.float32)
    case = _taken(
        sitter.made,
        _Case(labels, lambda x: scores + x * noise, "noise in the scores, of which the right class's is 1"),
        _Case(values, lambda x: values + x * noise[..., :1], "noise in the predictions, which vary by 1"),
    )
    matrix = np.asarray(sitter.made(case.predicts(jnp.asarray(1.0)), case.targets))
    if matrix.ndim == 2:
        figure.colorbar(ax.imshow(matrix), ax=ax, label=f"{sitter.name} [-]")
        ax.set(xlabel="answer [index]", ylabel="class [index]")
        at_whole_numbers(ax.xaxis, ax.yaxis)
        return
    x = jnp.linspace(0.0, 3.0, 61)
    ax.plot(x, jax.vmap(lambda x: sitter.made(case.predicts(x), case.targets))(x))
    ax.set(xlabel=f"{case.label} [-]", ylabel=f"{sitter.name} [-]")


def _taken(measure: Callable[..., Array], *cases: _Case) -> _Case:
    """The first case that a measure accepts."""
    for case in cases[:-1]:
        try:
            measure(case.predicts(jnp.asarray(0.5)), case.targets)
        except (DynplugError, ValueError, TypeError):
            continue
        return case
    return cases[-1]
