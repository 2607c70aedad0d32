"""Optimizers from configurations, and what is put around them."""

import re
from typing import Any, cast

import jax
import jax.numpy as jnp
import optax
import optax.tree_utils as otu
from jaxtyping import Array, PyTree

from dynplug.core import uncompiled
from dynplug.errors import OptionError
from dynplug.plugin import Configured, as_written
from dynplug.train.step.configured_optimizer import ConfiguredOptimizer, made_of
from dynplug.train.step.gradient_transformation import Optimizer


def clip_by_global_norm(optimizer: optax.GradientTransformation, max_norm: float) -> optax.GradientTransformation:
    r"""An optimizer that gets gradients whose norm, over all parameters, is at most `max_norm`.

    $$g \leftarrow g \cdot \min\left(1,\ \frac{\mathrm{max\_norm}}{\|g\|}\right)$$

    In Python, `optax.chain(optax.clip_by_global_norm(max_norm), optimizer)`, and any other chain.

    ```python
    optimizer = dp.build(
        {"type": "clip_by_global_norm", "optimizer": {"type": "sgd", "learning_rate": 1.0}, "max_norm": 1.0},
        kind="optimizer",
    )
    step, _ = optimizer.update({"w": np.array([3.0, -4.0], np.float32)}, optimizer.init({"w": np.zeros(2, np.float32)}))
    assert np.allclose(step["w"], [-0.6, 0.8])
    ```

    **Arguments:**

    - `optimizer`: the optimizer.
    - `max_norm`: the greatest norm [-].

    **Reference:** Pascanu, R., Mikolov, T. & Bengio, Y. (2013), On the difficulty of training recurrent neural
    networks, arXiv:1211.5063.
    """
    return optax.chain(optax.clip_by_global_norm(max_norm), optimizer)


def accumulate(optimizer: optax.GradientTransformation, steps: int) -> optax.GradientTransformation:
    r"""An optimizer that steps once for several batches, with the mean of their gradients, as `optax.MultiSteps`.

    $$g = \frac 1n \sum_{k=1}^{n} g_k$$

    Parameters stay the same in between.

    ```python
    optimizer = {"type": "accumulate", "optimizer": {"type": "sgd", "learning_rate": 0.1}, "steps": 2}
    trainer = dp.BPFF(dp.layers.Dense(4, 1, W_initializer=0.0), "mse", optimizer, logger=None, progress_bar=False)
    x = np.ones((8, 4), np.float32)
    trainer.fit((x, x[:, :1]), num_epoch=1, batch_size=4)     # two batches, one step
    assert np.isclose(trainer.target.bias, 0.2)     # against the gradient 2 (0 - 1)
    ```

    **Arguments:**

    - `optimizer`: the optimizer.
    - `steps`: $n$, the number of batches.

    **Reference:** Ott, M. et al. (2018), Scaling neural machine translation, arXiv:1806.00187.
    """
    return optax.MultiSteps(optimizer, every_k_schedule=steps).gradient_transformation()


def as_optimizer(given: Any) -> Optimizer:
    """An `optax.GradientTransformation` from one, from a name or configuration, or `None` for Adam at 1e-3."""
    if given is None:
        return optax.adam(1e-3)
    if isinstance(given, (str, dict, Configured)):
        made_of(given)  # so that mistakes are told here
        return ConfiguredOptimizer(as_written(given))
    if not (hasattr(given, "init") and hasattr(given, "update")):
        raise OptionError(
            f"optimizer={given!r}: give an optax optimizer, or {{'type': 'adam', 'learning_rate': 1e-3}}."
        )
    return given


def started(optimizer: Optimizer, params: PyTree) -> PyTree:
    """The state of an optimizer for the trained part of a model; `OptionError` where it cannot be started on it."""
    with jax.numpy_dtype_promotion("standard"):
        try:
            return uncompiled(optimizer.init, params)
        except (ValueError, TypeError, KeyError) as error:
            raise OptionError(
                f"The optimizer cannot be started on this model's parameters: {error} Labels of "
                "optax.multi_transform, and masks, have the structure of the parameters: give a function of these, as "
                "lambda params: jax.tree_util.tree_map_with_path(label, params)."
            ) from error


def stepped(state: PyTree) -> Array | bool:
    """Whether an update was a step, from the state after it: what accumulates gradients steps once for several."""
    waiting = [count for _, count in otu.tree_get_all_with_path(state, "mini_step")]
    return jnp.any(jnp.stack([count == 0 for count in waiting])) if waiting else True


def updated(optimizer: Optimizer, grads: PyTree, state: PyTree, params: PyTree, value: Array) -> tuple[PyTree, PyTree]:
    """The updates and the next state. An optimizer that asks for it gets the loss's `value` and the gradients.

    **Raises:** `OptionError`, where a program is traced, for one that needs more: a line search wants the loss as a
    function, which a step on a batch with states does not have.
    """
    with jax.numpy_dtype_promotion("standard"):
        try:
            known = optimizer
            if not isinstance(optimizer, ConfiguredOptimizer):
                known = optax.with_extra_args_support(cast(optax.GradientTransformation, optimizer))
            return known.update(grads, state, params, value=value, grad=grads)
        except TypeError as error:
            if "keyword-only" not in str(error):
                raise
            needed = ", ".join(re.findall(r"'\w+'", str(error)))
            raise OptionError(
                f"This optimizer's update needs {needed}, and a training step gives it gradients, parameters and the "
                "loss's value. Line searches, and L-BFGS with one, want the loss as a function: take optax.adam(...) "
                "or another without a search."
            ) from error
