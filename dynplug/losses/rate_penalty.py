"""Rates kept within bounds, beside another loss."""

from collections.abc import Callable, Mapping, Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree, Shaped

from dynplug.core import check_number
from dynplug.errors import DataError, ParameterError, nearest
from dynplug.losses.conventions import batch_first, reads_records
from dynplug.losses.means import mean, together
from dynplug.losses.over_time import as_mask, without_time
from dynplug.losses.targets import check_targets, checked_by, is_known, weight_of_targets
from dynplug.plugin import build

Loss = str | Mapping[str, object] | Callable[..., Array]  # by its name, by a configuration, or the function itself


@batch_first
def rate_penalty(
    spikes: Shaped[Array, "batch time ..."],
    *,
    low: float = 0.0,
    high: float = 1.0,
    sample_weight: Array | np.ndarray | None = None,
    mask: Array | np.ndarray | None = None,
) -> Float[Array, ""]:
    r"""The mean over samples and units of the squared distance of their rates from an interval.

    $$P = \Big\langle \max(0,\ r_\mathrm{low} - r)^2 + \max(0,\ r - r_\mathrm{high})^2 \Big\rangle, \qquad
    r = \frac 1n \sum_i z_i$$

    **Arguments:**

    - `spikes`: (batch, time, ...), of a layer.
    - `low`: $r_\mathrm{low}$, in spikes per step [-].
    - `high`: $r_\mathrm{high}$, in spikes per step [-].
    - `sample_weight`: the weight of each sample in the mean, (batch,). `None`: all the same.
    - `mask`: the steps that count, (batch, time). `None`: all.

    **Raises:** `ParameterError` for bounds that are no interval.

    **Reference:** Zenke, F. & Vogels, T. P. (2021), The remarkable robustness of surrogate gradient learning for
    instilling complex function in spiking neural networks, doi:10.1162/neco_a_01367.
    """
    check_number("rate_penalty: low", low, least=0.0)
    check_number("rate_penalty: high", high, least=0.0)
    if is_known(low, high) and low > high:
        raise ParameterError(f"rate_penalty: low={low} and high={high} must be an interval from 0 on.")
    z = spikes if jnp.issubdtype(spikes.dtype, jnp.floating) else spikes.astype(jnp.result_type(float))
    valid = as_mask(mask, z)
    rates = without_time(z, "mean", valid)
    some = None if valid is None else jnp.any(valid, axis=1)
    outside = jnp.maximum(low - rates, 0) ** 2 + jnp.maximum(rates - high, 0) ** 2
    return mean(outside, together(sample_weight, some))


def _function(loss: Loss) -> Callable[..., Array]:
    return build(loss, kind="loss") if isinstance(loss, (str, Mapping)) else loss


def _check(
    predicts: PyTree,
    targets: PyTree,
    *,
    loss: Loss = "cross_entropy",
    mask: Array | np.ndarray | None = None,
    **_: object,
) -> None:
    check_targets(_function(loss), predicts, targets, mask)


def _weight(
    predicts: PyTree,
    targets: PyTree,
    *,
    loss: Loss = "cross_entropy",
    mask: Array | np.ndarray | None = None,
    **given: object,
) -> Array | None:
    which = {
        name: v for name, v in {"mask": mask, "sample_weight": given.get("sample_weight")}.items() if v is not None
    }
    return weight_of_targets(_function(loss), predicts, targets, **which)


@checked_by(_check, _weight)
@reads_records
@batch_first
def rate_regularized(
    predicts: PyTree,
    targets: PyTree,
    *,
    loss: Loss = "cross_entropy",
    monitor: str | Sequence[str] | None = None,
    low: float = 0.0,
    high: float = 1.0,
    strength: float = 1.0,
    sample_weight: Array | np.ndarray | None = None,
    mask: Array | np.ndarray | None = None,
) -> Float[Array, ""]:
    r"""Another loss, and a penalty for rates of layers out of an interval.

    $$L = L_0 + \lambda \sum_l P_l, \qquad P_l = \Big\langle \max(0,\ r_\mathrm{low} - r)^2 +
    \max(0,\ r - r_\mathrm{high})^2 \Big\rangle$$

    $r$ is the number of spikes per step of a unit of layer $l$ in a sample; the mean is over samples and units.

    ```python
    sparse = {"type": "rate_regularized", "loss": "cross_entropy", "monitor": "hidden.spike", "high": 0.1}
    model = dp.Sequential(
        encode=dp.layers.Dense(3, 8, key=jax.random.key(0)),
        hidden=dp.neurons.LIF(8),
        readout=dp.layers.Dense(8, 2, key=jax.random.key(1)),
    )
    trainer = dp.BPTT(model, sparse, monitors=["hidden.spike"], dt=1.0)
    ```

    **Arguments:**

    - `predicts`: the outputs, (batch, time, ...); with `monitor`, the pair of outputs and records by name, which
        trainers give.
    - `targets`: those of the other loss.
    - `loss`: $L_0$: a name, a configuration, or a function of (predicts, targets), batch first.
    - `monitor`: the monitors of the spikes of layers, one or a list; `None` for the outputs themselves.
    - `low`: $r_\mathrm{low}$, in spikes per step [-].
    - `high`: $r_\mathrm{high}$, in spikes per step [-].
    - `strength`: $\lambda$ [-].
    - `sample_weight`: the weight of each sample in the means, (batch,). `None`: all the same.
    - `mask`: the steps that count, (batch, time). `None`: all.

    **Raises:** as the other loss; `DataError` for a monitor that is not there; `ParameterError`.

    **Reference:** Zenke, F. & Vogels, T. P. (2021), The remarkable robustness of surrogate gradient learning for
    instilling complex function in spiking neural networks, doi:10.1162/neco_a_01367.
    """
    out, records = predicts if isinstance(predicts, tuple) else (predicts, {})
    check_number("rate_regularized: strength", strength, least=0.0)
    function = _function(loss)
    given = {"sample_weight": sample_weight, "mask": mask}
    value = function(out, targets, **{name: v for name, v in given.items() if v is not None})
    layers = [monitor] if isinstance(monitor, str) else monitor or []
    if missing := [name for name in layers if name not in records]:
        raise DataError(
            f"rate_regularized: there is no record {missing[0]!r}: give the trainer monitors={list(layers)}. "
            f"{nearest(missing[0], records)}"
        )
    spikes = [records[name] for name in layers] if layers else [out]
    penalties = [rate_penalty(z, low=low, high=high, **given) for z in spikes]
    return value + strength * sum(penalties[1:], penalties[0]).astype(value.dtype)
