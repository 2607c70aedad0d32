"""Losses and metrics of classification."""

import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from dynplug.losses.axes import align_classes, batch_first, optax_rules


@batch_first
def cross_entropy(
    predicts: Float[Array, "batch time ..."], targets: Array, *, reduce_time: str = "mean"
) -> Float[Array, ""]:
    r"""$-\sum_c y_c \log \mathrm{softmax}(p)_c$, the mean over samples (and over steps, where targets have them).

    **Arguments:**

    - `predicts`: logits (batch, time, classes).
    - `targets`: class indices, (batch,) or (batch, time) of whole numbers; or probabilities, (batch, classes) or
        (batch, time, classes).
    - `reduce_time`: how logits lose their time axis where targets have none: `"mean"`, `"last"`, `"max"`, `"sum"`.

    **Raises:** `DataError` where the shapes do not fit.
    """
    logits, y = align_classes(predicts, targets, reduce_time)
    with optax_rules():
        if jnp.issubdtype(y.dtype, jnp.integer):
            return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(logits, y))
        return jnp.mean(optax.softmax_cross_entropy(logits, y))


@batch_first
def accuracy(
    predicts: Float[Array, "batch time ..."], targets: Array, *, reduce_time: str = "mean"
) -> Float[Array, ""]:
    """The share of right answers, an answer being the class with the greatest prediction. A metric, without gradient.

    **Arguments:**

    - `predicts`: scores (batch, time, classes).
    - `targets`: as for `cross_entropy`.
    - `reduce_time`: as for `cross_entropy`.
    """
    scores, y = align_classes(predicts, targets, reduce_time)
    answer = jnp.argmax(scores, axis=-1)
    right = y if jnp.issubdtype(y.dtype, jnp.integer) else jnp.argmax(y, axis=-1)
    return jnp.mean((answer == right.astype(answer.dtype)).astype(scores.dtype))
