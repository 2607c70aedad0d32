"""Handwritten digits as spikes."""

from collections.abc import Callable
from importlib.resources import files

import numpy as np
from jaxtyping import Array, PRNGKeyArray

from dynplug.core import check_number
from dynplug.encoders import Latency
from dynplug.errors import MissingPackageError
from dynplug.tasks.task import Task, TaskData

_GREYS = 16.0  # the largest value in the images
_SPLIT_SEED = 0  # the held-out samples do not depend on the seed of a training run


class Digits(Task):
    r"""The 1,797 handwritten digits, 8 by 8 pixels, of scikit-learn, each pixel encoded as spikes.

    $$x_{\cdot k} = \mathrm{encoder}(g_k / 16)$$

    for pixels $k$ with grey values $g_k$ from 0 to 16.

    Data are x (samples, time, 64) and y (samples,), the digits. One in five of each digit is held out for testing,
    always the same ones.

    ```python
    data = dp.tasks.Digits(encoder=dp.encoders.Latency(16)).load(jax.random.key(0))
    x, y = data.train
    assert x.shape == (len(y), 16, 64) and set(np.unique(y)) == set(range(10))
    ```

    **Arguments:**

    - `encoder`: from grey values in [0, 1] to spikes over time.
    - `test_share`: the share of samples that is held out [-].

    **Raises:** `ParameterError`; `MissingPackageError` without scikit-learn.

    **Reference:** Alpaydin, E. & Kaynak, C. (1998), Optical recognition of handwritten digits,
    doi:10.24432/C50P49, UCI Machine Learning Repository.
    """

    encoder: Callable[..., Array] = Latency(16)
    test_share: float = 0.2

    def __check_init__(self) -> None:
        check_number("Digits: test_share", self.test_share, above=0.0, below=1.0)

    def load(self, key: PRNGKeyArray) -> TaskData:
        try:
            from sklearn.datasets import load_digits
            from sklearn.model_selection import train_test_split
        except ImportError as error:
            raise MissingPackageError("The digits are part of scikit-learn: pip install 'dynplug[demo]'") from error
        images, y = load_digits(return_X_y=True)
        x = np.swapaxes(np.asarray(self.encoder(images / _GREYS, key=key)), 0, 1)
        x_train, x_test, y_train, y_test = train_test_split(
            x, y, test_size=self.test_share, random_state=_SPLIT_SEED, stratify=y
        )
        return TaskData((x_train, y_train), (x_test, y_test))

    @classmethod
    def recipe(cls) -> str:
        return (files("dynplug.tasks") / "digits.toml").read_text(encoding="utf-8")
