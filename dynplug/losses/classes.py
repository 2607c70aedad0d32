"""The softmax cross-entropy, and the share of correct answers."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, PyTree

from dynplug.core import check_number
from dynplug.losses.class_targets import class_weights, read_classes, weight_of_classes
from dynplug.losses.conventions import batch_first, optax_rules
from dynplug.losses.labels import check_classes
from dynplug.losses.means import mean
from dynplug.losses.targets import checked_by


def check_of(name: str) -> Callable[..., None]:
    """The check of targets of the loss or metric of a name."""

    def check(
        predicts: PyTree,
        targets: PyTree,
        *,
        class_weight: object = None,
        mask: Array | np.ndarray | None = None,
        **options: Any,
    ) -> None:
        check_classes(predicts, targets, name=name, mask=mask, **options)
        if class_weight is not None:
            class_weights(class_weight, predicts.shape[-1], name)

    return check


@checked_by(check_of("cross_entropy"), partial(weight_of_classes, name="cross_entropy"))
@batch_first
def cross_entropy(
    predicts: Float[Array, "batch time ..."],
    targets: PyTree,
    *,
    reduce_time: str = "mean",
    ignore_index: int | None = None,
    one_hot: bool | None = None,
    class_weight: object = None,
    label_smoothing: float = 0.0,
    sample_weight: Array | np.ndarray | None = None,
    mask: Array | np.ndarray | None = None,
) -> Float[Array, ""]:
    r"""The softmax cross-entropy, its mean over samples (and over steps, if targets have them).

    $$L = -\Big\langle \sum_c y'_c \log \mathrm{softmax}(p)_c \Big\rangle, \qquad
    \mathrm{softmax}(p)_c = \frac{e^{p_c}}{\sum_k e^{p_k}}, \qquad y'_c = (1 - \epsilon)\, y_c + \epsilon / C$$

    with $C$ classes. A class index out of range is refused; within a compiled function of your own, where it cannot be,
    it gives NaN.

    ```python
    logits = jnp.zeros((1, 20, 4))     # (batch, time, classes), four classes that are equally likely
    assert np.isclose(dp.losses.cross_entropy(logits, jnp.array([2])), np.log(4))
    ```

    **Arguments:**

    - `predicts`: logits (batch, time, classes).
    - `targets`: class indices, (batch,) or (batch, time) of whole numbers; or probabilities, (batch, classes) or
        (batch, time, classes).
    - `reduce_time`: the reduction of logits over time if targets have no time axis: `"mean"`, `"last"`, `"max"`,
        `"sum"`; `"sum_softmax"`, which sums the softmax of each step; `"first_spike"`, which takes spikes for logits,
        and the time of the first one, in steps, with a minus sign.
    - `ignore_index`: the class index, such as -1, of samples or steps without a label, which have no weight.
    - `one_hot`: whether whole numbers are one-hot rows rather than class indices. `None`: they are class indices, and
        ambiguous ones are refused.
    - `class_weight`: the weight in the mean of samples or steps of each class, (classes,), or of some by index, as
        `{3: 5.0}`, the others being 1. `None`: all the same.
    - `label_smoothing`: the share $\epsilon$ of a target that goes to all classes alike [-].
    - `sample_weight`: the weight of each sample in the mean, (batch,). `None`: all the same.
    - `mask`: the steps that count, (batch, time): means, `"last"`, `"max"` and sums are over these. `None`: all.

    **Raises:** `DataError` if the shapes do not fit, a target is not a class, or a weight is for a class that is not
    there; `ParameterError`.

    **Reference:** Bridle, J. S. (1990), Probabilistic interpretation of feedforward classification network outputs,
    with relationships to statistical pattern recognition, doi:10.1007/978-3-642-76153-9_28.
    """
    check_number("cross_entropy: label_smoothing", label_smoothing, least=0.0, below=1.0)
    logits, y, weight = read_classes(
        "cross_entropy",
        predicts,
        targets,
        reduce_time=reduce_time,
        ignore_index=ignore_index,
        one_hot=one_hot,
        class_weight=class_weight,
        sample_weight=sample_weight,
        mask=mask,
    )
    with optax_rules():
        if not jnp.issubdtype(y.dtype, jnp.integer):
            return mean(optax.softmax_cross_entropy(logits, optax.smooth_labels(y, label_smoothing)), weight)
        known = jnp.clip(y, 0, logits.shape[-1] - 1)
        if label_smoothing:
            rows = optax.smooth_labels(jax.nn.one_hot(known, logits.shape[-1], dtype=logits.dtype), label_smoothing)
            values = optax.softmax_cross_entropy(logits, rows)
        else:
            values = optax.softmax_cross_entropy_with_integer_labels(logits, known)
        return mean(jnp.where(known == y, values, jnp.nan), weight)


@checked_by(check_of("accuracy"), partial(weight_of_classes, name="accuracy"))
@batch_first
def accuracy(
    predicts: Float[Array, "batch time ..."],
    targets: PyTree,
    *,
    reduce_time: str = "mean",
    ignore_index: int | None = None,
    one_hot: bool | None = None,
    sample_weight: Array | np.ndarray | None = None,
    mask: Array | np.ndarray | None = None,
) -> Float[Array, ""]:
    r"""The share of correct answers, an answer being the class with the largest score. A metric, without gradient.

    $$A = \Big\langle \big[\arg\max_c p_c = y\big] \Big\rangle$$

    Of classes with the same score the first is the answer. Scores that include NaN are never a correct answer.

    ```python
    scores = jnp.array([[[0.1, 0.9]], [[0.8, 0.2]]])     # (batch, time, classes)
    assert dp.losses.accuracy(scores, jnp.array([1, 1])) == 0.5
    ```

    **Arguments:**

    - `predicts`: scores (batch, time, classes).
    - `targets`: as for `cross_entropy`.
    - `reduce_time`: as for `cross_entropy`.
    - `ignore_index`: as for `cross_entropy`.
    - `one_hot`: as for `cross_entropy`.
    - `sample_weight`: as for `cross_entropy`.
    - `mask`: as for `cross_entropy`.

    **Raises:** as `cross_entropy`.

    **Reference:** Fawcett, T. (2006), An introduction to ROC analysis, doi:10.1016/j.patrec.2005.10.010.
    """
    read = read_classes(
        "accuracy",
        predicts,
        targets,
        reduce_time=reduce_time,
        ignore_index=ignore_index,
        one_hot=one_hot,
        sample_weight=sample_weight,
        mask=mask,
    )
    right = read.right
    value = (read.answers == right.astype(read.answers.dtype)).astype(read.scores.dtype)
    is_class = (right >= 0) & (right < read.scores.shape[-1])
    return mean(jnp.where(is_class, value, jnp.nan), read.weight)
