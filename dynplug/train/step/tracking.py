"""Values logged of a training step beside losses and metrics: norms of the gradient, and the learning rate."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import optax.tree_utils as otu
from jaxtyping import Array, PyTree

from dynplug.core import leaves
from dynplug.errors import OptionError, nearest
from dynplug.plugin import as_written, build

SPIKE_RATE = "spike_rate"  # which is of an epoch, see `dynplug.train.spike_rates`
_KNOWN = ("gradient_norm", "gradient_by_layer", "learning_rate", SPIKE_RATE)
_SCHEDULED = "ScaleByScheduleState"  # the state of optax's scale_by_schedule, which counts the updates


@dataclass(frozen=True)
class Tracking:
    """Computes within a step what is asked for. Equal ones share compiled programs.

    **Arguments:**

    - `names`: the values to track.
    - `rate`: the learning rate, a number or a schedule; `None` to read it from the optimizer's state.
    """

    names: tuple[str, ...]
    rate: float | Callable[[Any], Any] | None = None

    @classmethod
    def of(cls, names: Sequence[str], optimizer: object) -> "Tracking":
        """The tracking of `names` for a trainer's `optimizer`, as it was given. **Raises:** `OptionError`."""
        if isinstance(names, str):
            raise OptionError(f"track={names!r}: give a list, [{names!r}].")
        for name in names:
            if name not in _KNOWN:
                raise OptionError(f"track: there is no {name!r}. {nearest(str(name), _KNOWN)}")
        return cls(
            tuple(name for name in names if name != SPIKE_RATE), _rate(optimizer) if "learning_rate" in names else None
        )

    def check(self, state: PyTree) -> None:
        """Raise `OptionError` where the learning rate cannot be told from an optimizer's state."""
        if "learning_rate" not in self.names:
            return
        known = _injected(state) if self.rate is None else [_count(state) if callable(self.rate) else self.rate]
        if len(known) != 1 or known == [None]:
            raise OptionError(
                "track: this optimizer does not tell its learning rate. Give it as a configuration, as {'type': "
                "'adam', 'learning_rate': 1e-3}, or as optax.inject_hyperparams(optax.adam)(learning_rate=...)."
            )

    def __call__(self, grads: PyTree, before: PyTree, after: PyTree) -> dict[str, Array]:
        """The values to log, from the gradients of a step and the optimizer's states before and after it."""
        found: dict[str, Array] = {}
        if "gradient_norm" in self.names:
            found["gradient_norm"] = _norm(grads)
        if "gradient_by_layer" in self.names:
            for owner, parts in _by_layer(grads).items():
                found[f"gradient_norm/{owner}"] = _norm(parts)
        if "learning_rate" in self.names:
            found["learning_rate"] = jnp.asarray(self._rate_at(before, after))
        return found

    def _rate_at(self, before: PyTree, after: PyTree) -> Any:
        if self.rate is None:
            return _injected(after)[0]  # which the step has set for itself
        return self.rate(_count(before)) if callable(self.rate) else self.rate


def _norm(grads: PyTree) -> Array:
    """The Euclidean norm over all arrays."""
    return jnp.sqrt(sum(jnp.sum(jnp.square(g)) for g in jax.tree.leaves(grads)))


def _by_layer(grads: PyTree) -> dict[str, list[Array]]:
    """Gradients by the part of the model whose parameters they are of."""
    owners: dict[str, list[Array]] = {}
    for leaf in leaves(grads):
        owners.setdefault(leaf.path.rpartition(".")[0] or leaf.path, []).append(leaf.value)
    return owners


def _rate(given: object) -> Any:
    """The learning rate that an optimizer is given; `None` where only its state may know."""
    if given is None:
        return 1e-3  # Adam's, see `as_optimizer`
    given = as_written(given)
    while isinstance(given, Mapping):
        if "learning_rate" in given:
            rate = given["learning_rate"]
            return build(rate, kind="schedule") if isinstance(rate, (str, Mapping)) else rate
        given = given.get("optimizer")
    return None


def _injected(state: PyTree) -> list[Any]:
    """The learning rates that `optax.inject_hyperparams` shows in a state, beside the states of its schedules."""
    found = otu.tree_get_all_with_path(state, "learning_rate")
    return [rate for path, rate in found if any(getattr(key, "name", "") == "hyperparams" for key in path)]


def _count(state: PyTree) -> Any:
    """The number of updates that a schedule has seen; `None` if the state has no schedule."""
    counts = otu.tree_get_all_with_path(state, "count")
    return next((count for path, count in counts if getattr(path[-1], "tuple_name", "") == _SCHEDULED), None)
