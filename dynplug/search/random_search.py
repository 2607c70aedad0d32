"""Independent random values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dynplug.core import as_whole
from dynplug.search.sampler import Sampler, Search
from dynplug.search.trial import Outcome


@dataclass(frozen=True)
class Random(Sampler):
    r"""A sampler that draws the values of each trial independently of all others.

    $$\theta_k^{(n)} \sim p_k, \qquad n = 1, \dots, N$$

    with the distribution $p_k$ of the $k$th hyperparameter. Trial $n$ has the same values however many follow it.

    ```python
    space = dp.search.Space.parse({"model": {"tau": {"loguniform": [1.0, 100.0]}}})
    sampler, search = dp.search.Random(num_trial=200), dp.search.Search(space)
    tau = [sampler.ask(search, number)["model.tau"] for number in range(200)]
    assert 8.0 < np.median(tau) < 12.5     # the geometric mean of 1 and 100
    ```

    **Arguments:**

    - `num_trial`: $N$, the number of trials.
    - `seed`: of the values.

    **Raises:** `OptionError`.

    **Reference:** Bergstra, J. & Bengio, Y. (2012), Random search for hyper-parameter optimization, Journal of Machine
    Learning Research 13, 281-305.
    """

    num_trial: int
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("num_trial", 1), ("seed", 0)):
            as_whole(f"Random: {name}", getattr(self, name), least=least)

    def ask(self, search: Search, number: int) -> Mapping[str, Any] | None:
        if number >= self.num_trial:
            return None
        rng = np.random.default_rng((self.seed, number))
        return {path: distribution.at(rng.random()) for path, distribution in search.space.items()}

    def tell(self, search: Search, values: Mapping[str, object], outcome: Outcome) -> None:
        """Do nothing: no draw depends on outcomes."""

    def observers(self, search: Search, number: int) -> tuple[object, ...]:
        return ()
