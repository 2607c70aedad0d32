"""The Yin-Yang data set as spikes."""

from collections.abc import Callable
from importlib.resources import files

import numpy as np
from jaxtyping import Array, PRNGKeyArray

from dynplug.core import as_count
from dynplug.encoders import Latency
from dynplug.tasks.task import Task, TaskData

_SEEDS = 42, 41  # of training and test data, which do not depend on the seed of a training run
_BIG, _SMALL = 0.5, 0.1
_DRAWN = 64  # points that are drawn at once


class YinYang(Task):
    r"""Points of the plane that lie in the Yin, in the Yang or in the two dots of the sign, each coordinate as a spike.

    $$x_{\cdot} = \mathrm{encoder}(u, v, 1 - u, 1 - v), \qquad (u - R)^2 + (v - R)^2 \le R^2$$

    for points $(u, v)$ within the circle of radius $R = 0.5$. With $d_l$ and $d_r$, the distances from the centres
    $(R/2, R)$ and $(3R/2, R)$, and $r = 0.1$, a point is of class 2, a dot, if $d_l < r$ or $d_r < r$; else of class 1,
    Yin, if $d_l \le R/2$, or if $v > R$ and $d_r > R/2$; else of class 0, Yang. All classes are equally frequent.

    Data are x (samples, time, 4) and y (samples,), the classes; always the same ones. They are small, and a network
    without a hidden layer fails on them.

    ```python
    data = dp.tasks.YinYang(encoder=dp.encoders.Latency(80), num_train=300, num_test=30).load(jax.random.key(0))
    x, y = data.train
    assert x.shape == (300, 80, 4) and set(np.unique(y)) == {0, 1, 2}
    ```

    **Arguments:**

    - `encoder`: from coordinates in [0, 1] to spikes over time.
    - `num_train`: the number of points to train on.
    - `num_test`: the number of points to test on.

    **Raises:** `ParameterError`.

    **Reference:** Kriener, L., Göltz, J. & Petrovici, M. A. (2022), The Yin-Yang dataset,
    doi:10.1145/3517343.3517380.
    """

    encoder: Callable[..., Array] = Latency(80)
    num_train: int = 5000
    num_test: int = 1000

    def __check_init__(self) -> None:
        for name in ("num_train", "num_test"):
            as_count(f"YinYang({name}=...)", getattr(self, name))

    def load(self, key: PRNGKeyArray) -> TaskData:
        (train, y_train), (test, y_test) = map(_points, (self.num_train, self.num_test), _SEEDS)
        values = np.concatenate([train, test])
        x = np.swapaxes(np.asarray(self.encoder(np.concatenate([values, 1.0 - values], axis=1), key=key)), 0, 1)
        return TaskData((x[: len(train)], y_train), (x[len(train) :], y_test))

    @classmethod
    def recipe(cls) -> str:
        return (files("dynplug.tasks") / "yin_yang.toml").read_text(encoding="utf-8")


def _points(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Points (count, 2) and their classes: for each a class is drawn, and then points until one is of it."""
    rng = np.random.default_rng(seed)
    wanted = rng.integers(3, size=count)
    points = np.empty((count, 2), np.float32)
    missing = np.arange(count)
    while missing.size:
        drawn = rng.random((missing.size, _DRAWN, 2), dtype=np.float32)
        hits = (_class_of(drawn) == wanted[missing, None]) & (np.hypot(*np.moveaxis(drawn - _BIG, -1, 0)) <= _BIG)
        found = hits.any(axis=1)
        points[missing[found]] = drawn[found, hits[found].argmax(axis=1)]
        missing = missing[~found]
    return points, wanted


def _class_of(points: np.ndarray) -> np.ndarray:
    u, v = points[..., 0], points[..., 1]
    left, right = np.hypot(u - _BIG / 2, v - _BIG), np.hypot(u - 3 * _BIG / 2, v - _BIG)
    yin = (left <= _BIG / 2) | ((v > _BIG) & (right > _BIG / 2))
    return np.where((left < _SMALL) | (right < _SMALL), 2, yin.astype(int))
