"""Top-k accuracy."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from dynplug.core import as_whole
from dynplug.errors import DataError, ParameterError
from dynplug.losses.class_targets import read_classes, weight_of_classes
from dynplug.losses.classes import check_of
from dynplug.losses.conventions import batch_first
from dynplug.losses.means import mean
from dynplug.losses.targets import checked_by


@checked_by(check_of("top_k_accuracy"), partial(weight_of_classes, name="top_k_accuracy"))
@batch_first
def top_k_accuracy(
    predicts: Float[Array, "batch time ..."],
    targets: PyTree,
    *,
    k: int = 5,
    reduce_time: str = "mean",
    ignore_index: int | None = None,
    one_hot: bool | None = None,
    sample_weight: Array | np.ndarray | None = None,
    mask: Array | np.ndarray | None = None,
) -> Float[Array, ""]:
    r"""The share of samples whose class is among the `k` with the largest scores. A metric, without gradient.

    $$A_k = \Big\langle \big[\,|\{c : p_c > p_y\}| < k\,\big] \Big\rangle$$

    Of classes with the same score the first ones come first. Scores that include NaN are never right.

    ```python
    scores = jnp.array([[[0.1, 0.2, 0.7]], [[0.1, 0.2, 0.7]]])     # (batch, time, classes)
    assert dp.losses.top_k_accuracy(scores, jnp.array([1, 0]), k=2) == 0.5
    ```

    **Arguments:**

    - `predicts`: scores (batch, time, classes).
    - `targets`: as for `cross_entropy`.
    - `k`: the number of answers, fewer than classes [-].
    - `reduce_time`: as for `cross_entropy`.
    - `ignore_index`: as for `cross_entropy`.
    - `one_hot`: as for `cross_entropy`.
    - `sample_weight`: as for `cross_entropy`.
    - `mask`: as for `cross_entropy`.

    **Raises:** as `cross_entropy`; `DataError` for a `k` with which no answer is wrong.

    **Reference:** Russakovsky, O. et al. (2015), ImageNet large scale visual recognition challenge,
    doi:10.1007/s11263-015-0816-y.
    """
    classes = predicts.shape[-1]
    if as_whole("top_k_accuracy: k", k, error=ParameterError) >= classes:
        raise DataError(f"top_k_accuracy: k={k} of {classes} classes: it is from 1 to {classes - 1}.")
    read = read_classes(
        "top_k_accuracy",
        predicts,
        targets,
        reduce_time=reduce_time,
        ignore_index=ignore_index,
        one_hot=one_hot,
        sample_weight=sample_weight,
        mask=mask,
    )
    right = read.right.astype(jnp.int32)
    best = jax.lax.top_k(read.scores, k)[1].astype(jnp.int32)
    value = jnp.any(best == right[..., None], axis=-1) & (read.answers >= 0)
    is_class = (right >= 0) & (right < classes)
    return mean(jnp.where(is_class, value.astype(read.scores.dtype), jnp.nan), read.weight)
