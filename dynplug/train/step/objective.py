"""The objective of a trainer and its metrics, made from names and callables."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray, PyTree

from dynplug.core import is_real
from dynplug.errors import DataError, OptionError
from dynplug.losses import (
    check_targets,
    checks_targets,
    counts_of,
    is_batch_first,
    is_counted,
    is_reading_records,
    options_of,
    takes,
    takes_weights,
    value_of_counts,
    weight_of_targets,
)
from dynplug.plugin import Configured, build, resolve
from dynplug.timeloop import RunState
from dynplug.train.data import Layout
from dynplug.train.step.forward import Forward, Run


class Counting(NamedTuple):
    """The samples and steps of a batch that count: `real`, a mask; `lengths`, steps of each; `None` for all."""

    real: Array | None = None
    lengths: Array | None = None

    def ends(self, x: PyTree, layout: Layout) -> Array | None:
        """The number of steps of each sample that count, 0 for one that is not real; `None` where all do."""
        if self.real is None:
            return self.lengths
        if self.lengths is not None:
            return jnp.where(self.real, self.lengths, 0)
        return jnp.where(self.real, jax.tree.leaves(layout.enter(x))[0].shape[0], 0).astype(jnp.int32)


ALL = Counting()


class Logged(NamedTuple):
    """Measurements by name: numbers; their weights in means over an epoch, where those are not the batch's size;
    and the counts of metrics that are functions of their sums.
    """

    values: dict[str, Any]
    weights: dict[str, Any]
    counts: dict[str, Any]


@dataclass(frozen=True)
class Measure:
    """A loss or metric, and whether it reads outputs as (batch, time, ...) whatever the axes of the data are."""

    name: str
    function: Callable[..., Any]
    batch_first: bool

    @classmethod
    def of(cls, given: object, kind: str, dt: float | None = None) -> "Measure":
        """The measure that a user described.

        **Arguments:**

        - `given`: a registered name, a configuration, or `f(predicts, targets) -> scalar`, which gets both in the axes
            of the data unless it is marked by `dynplug.losses.batch_first`.
        - `kind`: `"loss"` or `"metric"`.
        - `dt`: the step [ms], for those that ask for it.

        **Raises:** `OptionError`; `UnknownNameError`.
        """
        if not isinstance(given, (str, dict, Configured)):
            if not callable(given):
                raise OptionError(
                    f"{kind}={given!r} is neither a registered name nor a function of (predicts, targets)."
                )
            inner = given.func if isinstance(given, partial) else given
            measure = cls(getattr(inner, "__name__", type(inner).__name__), given, is_batch_first(given))
        else:
            found = resolve(given, kind=kind)
            measure = cls(found.called, build(found), batch_first=True)
        _refuse_bound_weights(measure, kind)
        if kind == "loss" and measure.is_counted:
            raise OptionError(f"{measure.name!r} counts answers and has no gradient: it is a metric, and no loss.")
        if dt is not None and takes(measure.function, "dt"):
            measure = replace(measure, function=partial(measure.function, dt=dt))
        return measure

    @property
    def is_counted(self) -> bool:
        """Whether its value for an epoch is that of sums over its samples."""
        return is_counted(self.function)

    @property
    def value_of_counts(self) -> Callable[[Any], Any]:
        """The value for summed counts, where it is counted."""
        return value_of_counts(self.function)

    @property
    def is_mean(self) -> bool:
        """Whether it is a mean over samples, which all weigh the same where `weight` is `None`."""
        inner = options_of(self.function).get("loss")  # of a loss that is another one and something beside it
        means = inner is None or isinstance(inner, (str, dict)) or takes_weights(inner)
        return means and takes_weights(self.function) and not self.is_counted

    def counts(self, out: PyTree, targets: PyTree, layout: Layout, *counting: Any) -> Array:
        """The counts of a batch, where it is counted."""
        given, which = self._arguments(out, targets, layout, None, *counting)
        return counts_of(self.function, *given, **which)

    def __call__(
        self,
        out: PyTree,
        targets: PyTree,
        layout: Layout,
        seen: dict[str, PyTree] | None = None,
        real: Array | None = None,
        lengths: Array | None = None,
    ) -> Any:
        """The value for outputs and targets in the axes of the data.

        **Arguments:**

        - `out`, `targets`: arrays, or pytrees of arrays.
        - `layout`: their axes.
        - `seen`: records by name, which a function of the user's own gets beside the outputs.
        - `real`: the samples that count, as bools; `None` for all.
        - `lengths`: the number of steps of each sample that count; `None` for all.
        """
        given, which = self._arguments(out, targets, layout, seen, real, lengths)
        return self.function(*given, **which)

    def weight(
        self, out: PyTree, targets: PyTree, layout: Layout, real: Array | None = None, lengths: Array | None = None
    ) -> Any:
        """The weight of the value in the mean over an epoch; `None` for the number of samples."""
        given, which = self._arguments(out, targets, layout, None, real, lengths)
        return weight_of_targets(self.function, *given, **which)

    def _arguments(
        self, out: PyTree, targets: PyTree, layout: Layout, seen: PyTree, real: Array | None, lengths: Array | None
    ) -> tuple[tuple[PyTree, PyTree], dict[str, PyTree]]:
        which = {} if lengths is None else self._counting(out, layout, lengths)
        if not self.batch_first:
            return ((out, seen) if seen else out, targets), which
        given = layout.batch_first(out, targets)
        if seen and is_reading_records(self.function):
            given = (given[0], layout.batch_first(seen, ())[0]), given[1]
        return given, which if real is None else {**which, "sample_weight": real}

    def told(self, lengths: Array) -> dict[str, Any]:
        """The lengths as an argument of a function that takes them, or `OptionError`."""
        if takes(self.function, "lengths"):
            return {"lengths": lengths}
        raise OptionError(
            f"{self.name!r} would count steps after the end of shorter sequences: give it an argument `lengths`, "
            "(batch,), or, if it is a function of predictions and targets, `mask`, of the first two axes of the "
            "predictions, which says what counts."
        )

    def _counting(self, out: PyTree, layout: Layout, lengths: Array) -> dict[str, Any]:
        if takes(self.function, "mask"):
            steps = jax.tree.leaves(layout.batch_first(out, ())[0])[0].shape[1]
            mask = jnp.arange(steps, dtype=lengths.dtype)[None] < lengths[:, None]
            return {"mask": mask if self.batch_first else layout.leave(mask.T)}
        return self.told(lengths)


@runtime_checkable
class Minimised(Protocol):
    """The interface of an objective that a training step needs, as `Objective` has it."""

    def __call__(
        self,
        forward: Forward,
        model: PyTree,
        x: PyTree,
        y: PyTree,
        key: PRNGKeyArray,
        carry: RunState | None,
        counting: Counting = ALL,
    ) -> tuple[Array, tuple[RunState | None, Logged]]: ...

    def total(self, tree: PyTree) -> PyTree: ...


@dataclass(frozen=True)
class Objective:
    """A loss to minimise, and metrics to log beside it. Equal ones share compiled programs.

    With `auto_run` the loss is a function of predictions and targets, else of a `Run`, inputs and targets.
    """

    loss: Measure
    has_aux: bool
    metrics: tuple[Measure, ...]
    auto_run: bool = True

    @property
    def checks_targets(self) -> bool:
        """Whether the loss or a metric says what targets must be."""
        return self.auto_run and any(checks_targets(m.function) for m in (self.loss, *self.metrics))

    @property
    def may_pad(self) -> bool:
        """Whether samples may be added to a batch that count for nothing: all that is measured is a weighted mean."""
        return self.auto_run and not self.has_aux and all(takes_weights(m.function) for m in (self.loss, *self.metrics))

    @property
    def counted(self) -> dict[str, Callable[[Any], Any]]:
        """By name, the functions of summed counts among the metrics."""
        return {metric.name: metric.value_of_counts for metric in self.metrics if metric.is_counted}

    def check(self, predicts: PyTree, targets: PyTree, mask: Any = None) -> None:
        """Raise `DataError` for targets on the host that the loss or a metric cannot take.

        **Arguments:**

        - `predicts`: the shape and dtype of the predictions, batch first.
        - `targets`: NumPy arrays, batch first.
        - `mask`: the steps that count; `None` for all.
        """
        for measure in (self.loss, *self.metrics):
            check_targets(measure.function, predicts, targets, mask)

    @classmethod
    def of(
        cls, loss: object, has_aux: bool, metrics: Sequence[Any], auto_run: bool = True, dt: float | None = None
    ) -> "Objective":
        """The objective that a user described.

        A loss or metric that is registered, or marked by `dynplug.losses.batch_first`, reads the outputs, batch first.
        Any other callable gets predictions and targets in the axes of the data.

        **Arguments:**

        - `loss`: a registered name, a configuration, or `f(predicts, targets) -> scalar`.
        - `has_aux`: whether the loss returns (scalar, dictionary of values to log).
        - `metrics`: more to log: names, or `f(predicts, targets) -> scalar`.
        - `auto_run`: whether the trainer runs the model, and not the loss.
        - `dt`: the step [ms], for measures that ask for it.
        """
        measure, *measures = measures_of(loss, metrics, dt).values()
        if not auto_run and (measure.batch_first or metrics):
            raise OptionError(
                "With loss_auto_run=False the loss is a function f(run, inputs, targets) of your own, which runs the "
                "model; what else it shall log it returns, with loss_has_aux=True. "
                + (f"Got metrics={list(metrics)}." if metrics else f"Got {loss!r}, which reads predictions.")
            )
        return cls(measure, has_aux, tuple(measures), auto_run)

    def __call__(
        self,
        forward: Forward,
        model: PyTree,
        x: PyTree,
        y: PyTree,
        key: PRNGKeyArray,
        carry: RunState | None,
        counting: Counting = ALL,
    ) -> tuple[Array, tuple[RunState | None, Logged]]:
        """The loss of a batch; the state after it, and everything that is logged, the loss included.

        What does not count, as `counting` says, counts for nothing.
        """
        if self.auto_run:
            carry, out, seen = forward(model, x, key, carry, counting.ends(x, forward.layout))
            value, logged = self.measured(out, y, seen, forward.layout, counting)
        else:
            which = {} if counting.lengths is None else self.loss.told(counting.lengths)
            value, logged = self._logged(self.loss.function(Run(model, key, forward), x, y, **which), {}, {}, {})
        return value, (carry, logged)

    def total(self, tree: PyTree) -> PyTree:
        """Gradients, and what is logged, of the whole batch from those of what was computed here: the same."""
        return tree

    def measured(
        self, out: PyTree, y: PyTree, seen: dict[str, PyTree], layout: Layout, counting: Counting = ALL
    ) -> tuple[Array, Logged]:
        """The loss of outputs, and everything that is logged, the loss included.

        **Arguments:**

        - `out`, `y`, `seen`, `layout`: as for a `Measure`.
        - `counting`: the samples and steps that count.
        """
        value = self.loss(out, y, layout, seen, *counting)
        measured = {metric.name: metric(out, y, layout, seen, *counting) for metric in self.metrics}
        sums = [metric for metric in self.metrics if metric.is_counted]
        counts = {metric.name: metric.counts(out, y, layout, *counting) for metric in sums}
        measured = {name: one for name, one in measured.items() if name not in counts or jnp.ndim(one) == 0}
        named = {"loss": self.loss, **{metric.name: metric for metric in self.metrics}}
        found = {name: measure.weight(out, y, layout, *counting) for name, measure in named.items()}
        weights = {name: weight for name, weight in found.items() if weight is not None}
        return self._logged(value, measured, weights, counts)

    def _logged(
        self, value: object, measured: dict[str, Any], weights: dict[str, Any], counts: dict[str, Any]
    ) -> tuple[Array, Logged]:
        """The loss of what a loss gives; and what is logged, all of it numbers."""
        value, aux = self._split(value)
        if twice := aux.keys() & {"loss", *measured}:
            raise OptionError(f"What a loss logs beside its value cannot be called {_listed(twice)}: that is taken.")
        logged = {"loss": value, **aux, **measured}
        for name, one in logged.items():
            _check_scalar(name, one)
        return jnp.asarray(value), jax.lax.stop_gradient(Logged(logged, weights, counts))

    def _split(self, value: object) -> tuple[Any, dict[str, Any]]:
        """A loss's value, and what it logs beside it."""
        if self.has_aux:
            if not (isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], dict)):
                raise OptionError("With loss_has_aux=True the loss must return (loss, {'name': value}).")
            return value
        return value, {}


def _check_scalar(name: str, value: Any) -> None:
    """Refuse what cannot be logged, or, of a loss, minimised."""
    what = "The loss" if name == "loss" else f"What is logged as {name!r}"
    if isinstance(value, tuple):
        raise OptionError(f"{what} is a tuple. For a loss that returns (loss, values) give loss_has_aux=True.")
    if not (is_real(value) or isinstance(value, bool) or getattr(value, "dtype", None) == jnp.dtype(bool)):
        returned = "None: does it end with a return?" if value is None else f"a {type(value).__name__}."
        raise DataError(f"{what} must be a number; its function returned {returned}")
    if jnp.shape(value) != ():
        raise DataError(f"{what} must be a scalar; it has shape {jnp.shape(value)}. Take its mean.")
    if name == "loss" and not jnp.issubdtype(dtype := jnp.result_type(value), jnp.floating):
        raise DataError(f"{what} must be a real number, as an integer has no gradient; it has dtype {dtype}.")


def measures_of(loss: object, metrics: Sequence[Any], dt: float | None = None) -> dict[str, Measure]:
    """The loss, as `"loss"`, and the metrics that a trainer logs, by name. **Raises:** `OptionError`.

    **Arguments:**

    - `loss`, `metrics`: as a user gives them.
    - `dt`: the step [ms], for measures that ask for it.
    """
    if isinstance(metrics, str):
        raise OptionError(f"metrics={metrics!r}: give a list of names or functions.")
    measures = [Measure.of(metric, "metric", dt) for metric in metrics]
    names = Counter(["loss", *(m.name for m in measures)])
    if twice := [name for name, count in names.items() if count > 1]:
        raise OptionError(
            f"Metrics must have names of their own; there is more than one {_listed(twice)}. Give one as a "
            "function with another name, which calls it: def top3(predicts, targets): ..."
        )
    return {"loss": Measure.of(loss, "loss", dt), **{m.name: m for m in measures}}


def _refuse_bound_weights(measure: Measure, kind: str) -> None:
    """Samples are shuffled and batches made up: weights by place in a batch would go to other samples, or be lost."""
    if takes_weights(measure.function) and options_of(measure.function).get("sample_weight") is not None:
        raise OptionError(
            f"{kind} {measure.name!r}: sample_weight cannot be an option, as each batch holds other samples. Let the "
            "weights come with the targets, y={'label': ..., 'weight': ...}, and write a function of your own: "
            f"`dp.losses.batch_first(lambda predicts, targets: dp.losses.{measure.name}(predicts, targets['label'], "
            "sample_weight=targets['weight']))`."
        )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, sorted(names)))
