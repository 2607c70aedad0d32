"""The share of a metric's variance that each hyperparameter explains."""

from collections.abc import Mapping, Sequence

import numpy as np

from dynplug.errors import OptionError


def importance(values: Sequence[Mapping[str, object]], metric: Sequence[float]) -> dict[str, float]:
    r"""The share of a metric's variance that each hyperparameter explains by itself, the greatest first.

    Trials are grouped by the value of a hyperparameter; of $n$ trials in $k$ groups,

    $$\epsilon^2 = 1 - \frac{\sum_i (y_i - \bar y_{g(i)})^2 / (n - k)}{\sum_i (y_i - \bar y)^2 / (n - 1)},$$

    and 0 where that is negative. The degrees of freedom take away what groups explain by chance. Numbers with more
    values than half of the trials are cut into $\lfloor\sqrt n\rfloor$ groups of neighbours. What only a combination of
    hyperparameters explains belongs to none of them, and nothing can be said of one with a value of its own in each
    trial.

    ```python
    tried = [{"tau": tau, "seed": seed} for tau in (5.0, 10.0) for seed in range(4)]
    share = dp.sweep.importance(tried, [trial["tau"] + 0.1 * trial["seed"] for trial in tried])
    assert list(share)[0] == "tau" and share["tau"] > 0.9
    ```

    **Arguments:**

    - `values`: the hyperparameters of each trial, by path.
    - `metric`: its metric.

    **Returns:** shares from 0 to 1, by path; NaN for one of which nothing can be said, and for all if a metric is not
    finite.

    **Raises:** `OptionError` if trials have other hyperparameters than the first one.

    **Reference:** Kelley, T. L. (1935), An unbiased correlation ratio measure, doi:10.1073/pnas.21.9.554.
    """
    y = np.asarray(metric, float)
    paths = list(values[0]) if values else []
    for trial in values:
        if trial.keys() != set(paths):
            raise OptionError(f"importance: the first trial has the hyperparameters {paths}, another {list(trial)}.")
    shares = {path: _share(_groups([trial[path] for trial in values]), y) for path in paths}
    return dict(sorted(shares.items(), key=lambda pair: (np.isnan(pair[1]), -pair[1])))


def _share(groups: np.ndarray, y: np.ndarray) -> float:
    n, k = len(y), len(np.unique(groups))
    total = float(((y - y.mean()) ** 2).sum()) if n else 0.0
    if k < 2 or n <= k or total == 0.0 or not np.isfinite(total):
        return float("nan")
    within = sum(float(((y[groups == g] - y[groups == g].mean()) ** 2).sum()) for g in np.unique(groups))
    return max(0.0, 1.0 - within / (n - k) * (n - 1) / total)


def _groups(values: Sequence[object]) -> np.ndarray:
    """The number of each value's group."""
    most = max(2, int(np.sqrt(len(values))))  # groups of neighbours
    distinct = {repr(value): value for value in values}
    numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)
    if len(distinct) <= max(most, len(values) // 2) or not numbers:
        names = list(distinct)
        return np.array([names.index(repr(value)) for value in values])
    order = np.argsort(np.argsort(np.asarray(values, float), kind="stable"), kind="stable")
    return order * most // len(values)
