"""All combinations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from dynplug.errors import ConfigError
from dynplug.search.sampler import Sampler, Search
from dynplug.search.trial import Outcome


@dataclass(frozen=True)
class Grid(Sampler):
    r"""A sampler that tries all combinations of the values, the last hyperparameter changing fastest.

    $$N = \prod_k n_k$$

    trials for $n_k$ values of the $k$th hyperparameter.

    ```python
    space = dp.search.Space.parse({"seed": [0, 1], "model": {"tau": [5.0, 10.0]}})
    search = dp.search.Search(space)
    tried = [dp.search.Grid().ask(search, number) for number in range(5)]
    assert tried[1] == {"seed": 0, "model.tau": 10.0} and tried[4] is None     # there are four
    ```

    **Raises:** `ConfigError` for a distribution with a continuum of values.

    **Reference:** Fisher, R. A. (1935), The Design of Experiments, Oliver & Boyd, chapter VI.
    """

    def ask(self, search: Search, number: int) -> Mapping[str, Any] | None:
        values = {path: self._values(search, path) for path in search.space}
        if number >= prod(len(options) for options in values.values()):
            return None
        chosen: dict[str, object] = {}
        for path, options in reversed(values.items()):
            number, place = divmod(number, len(options))
            chosen[path] = options[place]
        return {path: chosen[path] for path in values}

    def tell(self, search: Search, values: Mapping[str, object], outcome: Outcome) -> None:
        """Do nothing: the grid does not depend on outcomes."""

    def observers(self, search: Search, number: int) -> tuple[object, ...]:
        return ()

    def _values(self, search: Search, path: str) -> Sequence[object]:
        values = search.space[path].values()
        if values is None:
            raise ConfigError(
                "has a continuum of values, of which there is no grid: give a list, { linspace = [low, high, n] } or "
                "{ geomspace = [low, high, n] }, or take the sampler 'random'.",
                f"sweep.space.{path}",
            )
        return values
