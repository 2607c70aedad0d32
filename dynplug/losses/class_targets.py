"""Class targets as all losses and metrics of classification read them."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from dynplug.core import is_whole
from dynplug.errors import DataError, ParameterError
from dynplug.losses.labels import Form, check_classes, form_of
from dynplug.losses.means import over, spread, together
from dynplug.losses.over_time import as_mask, without_time
from dynplug.losses.targets import is_known, one_array


class Classified(NamedTuple):
    """Scores (..., classes), targets and the weight of each, `None` where all weigh the same.

    Targets are class indices, or probabilities of classes with the scores' axes.
    """

    scores: Array
    targets: Array
    weight: Array | None

    @property
    def right(self) -> Array:
        """The index of the right class of each, and of the likeliest one for probabilities."""
        indices = jnp.issubdtype(self.targets.dtype, jnp.integer)
        return self.targets if indices else jnp.argmax(self.targets, axis=-1)

    @property
    def answers(self) -> Array:
        """The index of the class with the largest score; -1 where a score is NaN, which is never the right one."""
        nan = jnp.any(jnp.isnan(self.scores), axis=-1)
        return jnp.where(nan, -1, jnp.argmax(self.scores, axis=-1))


def read_classes(
    name: str,
    predicts: PyTree,
    targets: PyTree,
    *,
    reduce_time: str = "mean",
    ignore_index: int | np.integer | None = None,
    one_hot: bool | None = None,
    class_weight: object = None,
    sample_weight: Array | np.ndarray | None = None,
    mask: Array | np.ndarray | None = None,
    **_: object,
) -> Classified:
    """Scores, reduced over time if targets have none, with the targets and the weight of each."""
    scores, y = one_array(predicts, "predictions", name), one_array(targets, "targets", name)
    if ignore_index is not None and not is_whole(ignore_index, -math.inf):
        raise ParameterError(f"{name}: ignore_index={ignore_index!r} must be a whole number, or None.")
    if is_known(targets, mask):
        check_classes(scores, y, name=name, ignore_index=ignore_index, one_hot=one_hot, mask=mask)
    form, per_step = form_of(scores, y, one_hot, name)
    valid = as_mask(mask, scores)
    scores = scores if per_step else without_time(scores, reduce_time, valid)
    valid = valid if per_step or valid is None else jnp.any(valid, axis=1)
    y = jnp.asarray(y)
    if form is Form.PROBABILITIES:
        y = y.astype(scores.dtype)
        y = y if valid is None else jnp.where(over(valid, y), y, 0)
        return Classified(scores, y, together(sample_weight, valid, _by_class(class_weight, scores, y, name)))
    y = y if y.dtype == jnp.int64 else y.astype(jnp.int32)
    labelled = None if ignore_index is None else y != ignore_index
    for known in (labelled, valid):
        y = y if known is None else jnp.where(over(known, y), y, 0)
    return Classified(scores, y, together(sample_weight, labelled, valid, _by_class(class_weight, scores, y, name)))


def weight_of_classes(predicts: PyTree, targets: PyTree, **options: Any) -> Array | None:
    """The weight of a batch: the number of labels, if some may be missing or weigh more than others, else `None`."""
    if all(options.get(name) is None for name in ("ignore_index", "class_weight", "mask")):
        return None
    read = read_classes(options.pop("name"), predicts, targets, **options)
    assert read.weight is not None  # as there is one of these
    return jnp.sum(spread(read.weight, read.right))


def _by_class(class_weight: object, scores: Array, y: Array, name: str) -> Array | None:
    """The weight of each target's class; of probabilities, their mean."""
    if class_weight is None:
        return None
    weights = jnp.asarray(class_weights(class_weight, scores.shape[-1], name), scores.dtype)
    if not jnp.issubdtype(y.dtype, jnp.integer):
        return y @ weights
    return weights[jnp.clip(y, 0, scores.shape[-1] - 1)]


def class_weights(given: object, classes: int, name: str) -> np.ndarray:
    """The weight of each class, from a sequence of all or a mapping from some, the others being 1; or `DataError`."""
    try:
        numbers = np.asarray([*given.values()] if isinstance(given, Mapping) else given, float)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"{name}: class_weight={given!r} holds no numbers: give a weight for each of {classes} classes, as "
            "samples / (classes * numpy.bincount(labels)), or a dictionary of those that are not 1."
        ) from error
    if isinstance(given, Mapping):
        weights = np.ones(classes)
        for label, weight in zip(given, numbers, strict=True):
            if not str(label).isdigit() or int(label) >= classes:
                raise DataError(
                    f"{name}: class_weight has a weight for class {label!r}, which is not there: the model has "
                    f"{classes} outputs, for classes 0 to {classes - 1}."
                )
            weights[int(label)] = weight
    else:
        weights = numbers
    if weights.shape != (classes,):
        raise DataError(
            f"{name}: class_weight of shape {weights.shape} does not fit {classes} classes: give a weight for each, or "
            "a dictionary of those that are not 1, as {3: 5.0}."
        )
    if not (np.all(np.isfinite(weights)) and np.all(weights >= 0) and np.any(weights > 0)):
        raise DataError(f"{name}: class_weight must hold finite numbers, none below 0 and one above; got {given!r}.")
    return weights
