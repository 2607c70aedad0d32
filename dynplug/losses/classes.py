"""Losses and metrics of classification."""

from functools import partial
from typing import Any

import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from dynplug.losses.conventions import batch_first, optax_rules, without_time
from dynplug.losses.labels import Form, check_classes, form_of, weight_of_classes
from dynplug.losses.means import mean
from dynplug.losses.targets import checked_by, is_known, one_array


@checked_by(partial(check_classes, name="cross_entropy"), weight_of_classes)
@batch_first
def cross_entropy(
    predicts: Float[Array, "batch time ..."],
    targets: Any,
    *,
    reduce_time: str = "mean",
    ignore_index: int | None = None,
    one_hot: bool | None = None,
    sample_weight: Any = None,
) -> Float[Array, ""]:
    r"""The softmax cross-entropy, its mean over samples (and over steps, if targets have them).

    $$L = -\Big\langle \sum_c y_c \log \mathrm{softmax}(p)_c \Big\rangle, \qquad
    \mathrm{softmax}(p)_c = \frac{e^{p_c}}{\sum_k e^{p_k}}$$

    A class index out of range is refused; within a compiled function of your own, where it cannot be, it gives NaN.

    **Arguments:**

    - `predicts`: logits (batch, time, classes).
    - `targets`: class indices, (batch,) or (batch, time) of whole numbers; or probabilities, (batch, classes) or
        (batch, time, classes).
    - `reduce_time`: the reduction of logits over time if targets have no time axis: `"mean"`, `"last"`, `"max"`,
        `"sum"`.
    - `ignore_index`: the class index, such as -1, of samples or steps without a label, which have no weight.
    - `one_hot`: whether whole numbers are one-hot rows rather than class indices. `None`: they are class indices, and
        ambiguous ones are refused.
    - `sample_weight`: the weight of each sample in the mean, (batch,). `None`: all the same.

    **Raises:** `DataError` if the shapes do not fit, or a target is not a class.

    **Reference:** Bridle, J. S. (1990), Probabilistic interpretation of feedforward classification network outputs,
    with relationships to statistical pattern recognition, doi:10.1007/978-3-642-76153-9_28.
    """
    logits, y, weight = _read("cross_entropy", predicts, targets, reduce_time, ignore_index, one_hot, sample_weight)
    with optax_rules():
        if not jnp.issubdtype(y.dtype, jnp.integer):
            return mean(optax.softmax_cross_entropy(logits, y), weight)
        known = jnp.clip(y, 0, logits.shape[-1] - 1)
        values = optax.softmax_cross_entropy_with_integer_labels(logits, known)
        return mean(jnp.where(known == y, values, jnp.nan), weight)


@checked_by(partial(check_classes, name="accuracy"), weight_of_classes)
@batch_first
def accuracy(
    predicts: Float[Array, "batch time ..."],
    targets: Any,
    *,
    reduce_time: str = "mean",
    ignore_index: int | None = None,
    one_hot: bool | None = None,
    sample_weight: Any = None,
) -> Float[Array, ""]:
    r"""The share of correct answers, an answer being the class with the largest score. A metric, without gradient.

    $$A = \Big\langle \big[\arg\max_c p_c = y\big] \Big\rangle$$

    Scores that include NaN are never a correct answer.

    **Arguments:**

    - `predicts`: scores (batch, time, classes).
    - `targets`: as for `cross_entropy`.
    - `reduce_time`: as for `cross_entropy`.
    - `ignore_index`: as for `cross_entropy`.
    - `one_hot`: as for `cross_entropy`.
    - `sample_weight`: as for `cross_entropy`.

    **Raises:** as `cross_entropy`.

    **Reference:** Fawcett, T. (2006), An introduction to ROC analysis, doi:10.1016/j.patrec.2005.10.010.
    """
    scores, y, weight = _read("accuracy", predicts, targets, reduce_time, ignore_index, one_hot, sample_weight)
    answer = jnp.where(jnp.any(jnp.isnan(scores), axis=-1), -1, jnp.argmax(scores, axis=-1))
    right = y if jnp.issubdtype(y.dtype, jnp.integer) else jnp.argmax(y, axis=-1)
    value = (answer == right.astype(answer.dtype)).astype(scores.dtype)
    is_class = (right >= 0) & (right < scores.shape[-1])
    return mean(jnp.where(is_class, value, jnp.nan), weight)


def _read(
    name: str,
    predicts: Any,
    targets: Any,
    reduce_time: str,
    ignore_index: int | None,
    one_hot: bool | None,
    sample_weight: Any,
) -> tuple[Array, Array, Any]:
    """Scores, reduced over time if targets have none, with the targets and the weight of each."""
    scores, y = one_array(predicts, "predictions", name), one_array(targets, "targets", name)
    if is_known(targets):
        check_classes(scores, y, ignore_index=ignore_index, one_hot=one_hot, name=name)
    form, per_step = form_of(scores, y, one_hot, name)
    scores = scores if per_step else without_time(scores, reduce_time)
    y = jnp.asarray(y)
    if form is Form.PROBABILITIES:
        return scores, y.astype(scores.dtype), sample_weight
    y = y if y.dtype == jnp.int64 else y.astype(jnp.int32)
    if ignore_index is None:
        return scores, y, sample_weight
    labelled = y != ignore_index
    weight = labelled.astype(scores.dtype)
    if sample_weight is not None:
        given = jnp.asarray(sample_weight).astype(weight.dtype)
        weight = weight * given.reshape(given.shape + (1,) * (weight.ndim - 1))
    return scores, jnp.where(labelled, y, 0), weight
