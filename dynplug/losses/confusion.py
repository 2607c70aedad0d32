"""The confusion matrix, the number of samples by true class and answer, and metrics computed from it."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from dynplug.errors import ParameterError, nearest
from dynplug.losses.class_targets import read_classes
from dynplug.losses.classes import check_of
from dynplug.losses.conventions import batch_first
from dynplug.losses.counted import counted
from dynplug.losses.means import spread
from dynplug.losses.targets import checked_by

Counts = Float[Array, "classes classes"]


def count(predicts: PyTree, targets: PyTree, *, name: str, **options: Any) -> Counts:
    """The number of samples, or their weight, by right class (rows) and answer (columns); NaN where a score is."""
    read = read_classes(name, predicts, targets, **options)
    classes, dtype = read.scores.shape[-1], read.scores.dtype
    right = jax.nn.one_hot(read.right.reshape(-1), classes, dtype=dtype)
    answers = read.answers.reshape(-1)
    told = jnp.where((answers < 0)[:, None], jnp.nan, jax.nn.one_hot(answers, classes, dtype=dtype))
    if read.weight is not None:
        weight = spread(read.weight, read.right).reshape(-1).astype(dtype)
        right, told = right * weight[:, None], jnp.where((weight == 0)[:, None], 0, told)
    return right.T @ told


def _itself(counts: Counts) -> Counts:
    return counts


def _by_class(counts: Counts) -> Float[Array, " classes"]:
    return jnp.diagonal(counts) / jnp.sum(counts, axis=1)


def _balanced(counts: Counts) -> Float[Array, ""]:
    there = jnp.sum(counts, axis=1) != 0
    shares = jnp.where(there, jnp.diagonal(counts) / jnp.where(there, jnp.sum(counts, axis=1), 1), 0)
    return jnp.sum(shares) / jnp.maximum(jnp.sum(there, dtype=counts.dtype), 1)


def _f1(counts: Counts, *, average: str = "macro") -> Float[Array, ""]:
    hits, of_class, of_answer = jnp.diagonal(counts), jnp.sum(counts, axis=1), jnp.sum(counts, axis=0)
    both = of_class + of_answer
    there = both != 0
    scores = jnp.where(there, 2 * hits / jnp.where(there, both, 1), 0)
    weights = {"macro": there.astype(counts.dtype), "weighted": of_class, "micro": both}
    if average not in weights:
        raise ParameterError(f"f1: unknown average {average!r}. {nearest(average, weights)}")
    weight = weights[average]
    return jnp.sum(scores * weight) / jnp.maximum(jnp.sum(weight), jnp.finfo(counts.dtype).tiny)


@counted(partial(count, name="confusion_matrix"), _itself)
@checked_by(check_of("confusion_matrix"))
@batch_first
def confusion_matrix(
    predicts: Float[Array, "batch time ..."],
    targets: PyTree,
    *,
    reduce_time: str = "mean",
    ignore_index: int | None = None,
    one_hot: bool | None = None,
    sample_weight: Array | np.ndarray | None = None,
    mask: Array | np.ndarray | None = None,
) -> Counts:
    r"""The number of samples, or steps, by right class (rows) and answer (columns). A metric, without gradient.

    $$N_{ab} = \sum_n \big[y_n = a\big]\,\big[\arg\max_c p_{nc} = b\big]$$

    A trainer logs that of all samples of an epoch: `trainer.get_hist_metric("test", "confusion_matrix")[-1]`.

    ```python
    scores = jnp.array([[[0.1, 0.9]], [[0.8, 0.2]], [[0.3, 0.7]]])     # (batch, time, classes): answers 1, 0, 1
    assert dp.losses.confusion_matrix(scores, jnp.array([1, 1, 0])).tolist() == [[0, 1], [1, 1]]
    ```

    **Arguments:**

    - `predicts`: scores (batch, time, classes).
    - `targets`: as for `cross_entropy`.
    - `reduce_time`: as for `cross_entropy`.
    - `ignore_index`: as for `cross_entropy`.
    - `one_hot`: as for `cross_entropy`.
    - `sample_weight`: the weight of each sample, (batch,). `None`: once.
    - `mask`: as for `cross_entropy`.

    **Raises:** as `cross_entropy`.

    **Reference:** Stehman, S. V. (1997), Selecting and interpreting measures of thematic classification accuracy,
    doi:10.1016/S0034-4257(97)00083-7.
    """
    return count(
        predicts,
        targets,
        name="confusion_matrix",
        reduce_time=reduce_time,
        ignore_index=ignore_index,
        one_hot=one_hot,
        sample_weight=sample_weight,
        mask=mask,
    )


@counted(partial(count, name="per_class_accuracy"), _by_class)
@checked_by(check_of("per_class_accuracy"))
@batch_first
def per_class_accuracy(
    predicts: Float[Array, "batch time ..."],
    targets: PyTree,
    *,
    reduce_time: str = "mean",
    ignore_index: int | None = None,
    one_hot: bool | None = None,
    sample_weight: Array | np.ndarray | None = None,
    mask: Array | np.ndarray | None = None,
) -> Float[Array, " classes"]:
    r"""The share of correct answers among the samples of each class, its recall. A metric, without gradient.

    $$A_a = \frac{N_{aa}}{\sum_b N_{ab}}$$

    with the `confusion_matrix` $N$, of all samples of an epoch in a trainer. A class without samples has NaN.

    ```python
    scores = jnp.array([[[0.1, 0.9]], [[0.8, 0.2]], [[0.3, 0.7]]])     # (batch, time, classes): answers 1, 0, 1
    assert dp.losses.per_class_accuracy(scores, jnp.array([1, 1, 0])).tolist() == [0.0, 0.5]
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

    **Reference:** Stehman, S. V. (1997), Selecting and interpreting measures of thematic classification accuracy,
    doi:10.1016/S0034-4257(97)00083-7.
    """
    return _by_class(
        count(
            predicts,
            targets,
            name="per_class_accuracy",
            reduce_time=reduce_time,
            ignore_index=ignore_index,
            one_hot=one_hot,
            sample_weight=sample_weight,
            mask=mask,
        )
    )


@counted(partial(count, name="balanced_accuracy"), _balanced)
@checked_by(check_of("balanced_accuracy"))
@batch_first
def balanced_accuracy(
    predicts: Float[Array, "batch time ..."],
    targets: PyTree,
    *,
    reduce_time: str = "mean",
    ignore_index: int | None = None,
    one_hot: bool | None = None,
    sample_weight: Array | np.ndarray | None = None,
    mask: Array | np.ndarray | None = None,
) -> Float[Array, ""]:
    r"""The mean over classes of the share of correct answers, so that rare classes count as much as frequent ones.

    $$A = \Big\langle \frac{N_{aa}}{\sum_b N_{ab}} \Big\rangle_a$$

    with the `confusion_matrix` $N$, of all samples of an epoch in a trainer, over the classes that have samples.

    ```python
    scores = jnp.array([[[0.1, 0.9]], [[0.8, 0.2]], [[0.3, 0.7]]])     # (batch, time, classes): answers 1, 0, 1
    assert dp.losses.balanced_accuracy(scores, jnp.array([1, 1, 0])) == (0 / 1 + 1 / 2) / 2
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

    **Reference:** Brodersen, K. H. et al. (2010), The balanced accuracy and its posterior distribution,
    doi:10.1109/ICPR.2010.764.
    """
    return _balanced(
        count(
            predicts,
            targets,
            name="balanced_accuracy",
            reduce_time=reduce_time,
            ignore_index=ignore_index,
            one_hot=one_hot,
            sample_weight=sample_weight,
            mask=mask,
        )
    )


@counted(partial(count, name="f1"), _f1)
@checked_by(check_of("f1"))
@batch_first
def f1(
    predicts: Float[Array, "batch time ..."],
    targets: PyTree,
    *,
    average: str = "macro",
    reduce_time: str = "mean",
    ignore_index: int | None = None,
    one_hot: bool | None = None,
    sample_weight: Array | np.ndarray | None = None,
    mask: Array | np.ndarray | None = None,
) -> Float[Array, ""]:
    r"""The harmonic mean of precision and recall, averaged over classes. A metric, without gradient.

    $$F_a = \frac{2 N_{aa}}{\sum_b N_{ab} + \sum_b N_{ba}}$$

    with the `confusion_matrix` $N$, of all samples of an epoch in a trainer.

    ```python
    scores = jnp.array([[[0.1, 0.9]], [[0.8, 0.2]], [[0.3, 0.7]]])     # (batch, time, classes): answers 1, 0, 1
    assert dp.losses.f1(scores, jnp.array([1, 1, 0]), average="macro") == (0.0 + 2 * 1 / (2 + 2)) / 2
    ```

    **Arguments:**

    - `predicts`: scores (batch, time, classes).
    - `targets`: as for `cross_entropy`.
    - `average`: `"macro"`, the mean over classes that occur as a target or an answer; `"weighted"`, each by its number
        of samples; `"micro"`, of the sums over classes, which is the accuracy.
    - `reduce_time`: as for `cross_entropy`.
    - `ignore_index`: as for `cross_entropy`.
    - `one_hot`: as for `cross_entropy`.
    - `sample_weight`: as for `cross_entropy`.
    - `mask`: as for `cross_entropy`.

    **Raises:** as `cross_entropy`; `ParameterError`.

    **Reference:** Sokolova, M. & Lapalme, G. (2009), A systematic analysis of performance measures for classification
    tasks, doi:10.1016/j.ipm.2009.03.002.
    """
    counts = count(
        predicts,
        targets,
        name="f1",
        reduce_time=reduce_time,
        ignore_index=ignore_index,
        one_hot=one_hot,
        sample_weight=sample_weight,
        mask=mask,
    )
    return _f1(counts, average=average)
