"""The hyperparameters of a search, by their paths in a configuration."""

from collections.abc import Iterator, Mapping

from dynplug.errors import ConfigError
from dynplug.search.distributions import FORMS, Distribution, choice


class Space(Mapping[str, Distribution]):
    """Distributions by path, such as `model.hidden.tau`.

    ```python
    space = dp.search.Space({"seed": dp.search.Int(0, 7), "model.hidden.tau": dp.search.Choice((5.0, 10.0))})
    assert space["model.hidden.tau"].values() == [5.0, 10.0]
    ```
    """

    def __init__(self, distributions: Mapping[str, Distribution]):
        self._distributions = dict(distributions)

    @classmethod
    def parse(cls, table: object, path: str = "") -> "Space":
        """Read a table of lists and distributions, in which paths may be keys in quotes or tables within each other.

        ```toml
        seed = { int = [0, 7] }
        model.hidden.tau = [5.0, 10.0, 20.0]
        runner.optimizer.learning_rate = { loguniform = [1e-4, 1e-1] }
        ```

        **Arguments:**

        - `table`: the table.
        - `path`: its place in the configuration, for messages.

        **Raises:** `ConfigError`.
        """
        if not isinstance(table, Mapping) or not table:
            raise ConfigError(f"must be a table of hyperparameters, {_EXAMPLE}; got {table!r}.", path)
        return cls(dict(_read(table, path, "")))

    def __getitem__(self, path: str) -> Distribution:
        return self._distributions[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._distributions)

    def __len__(self) -> int:
        return len(self._distributions)

    def __repr__(self) -> str:
        return f"Space({self._distributions})"

    def is_log(self, path: str) -> bool:
        """Whether the values of a hyperparameter are spread over a scale of logarithms."""
        return getattr(self[path], "log", False)


_EXAMPLE = 'such as model.hidden.tau = [5.0, 10.0] or "seed" = { int = [0, 7] }'


def _read(table: Mapping[str, object], path: str, above: str) -> Iterator[tuple[str, Distribution]]:
    for key, value in table.items():
        here, name = f"{path}.{key}" if path else key, f"{above}.{key}" if above else key
        if isinstance(value, list):
            yield name, choice(value, here)
        elif not isinstance(value, Mapping) or not value:
            raise ConfigError(f"must be a list of values, or one of {_forms()}; got {value!r}.", here)
        elif (form := _form(value)) is not None:
            yield name, FORMS[form](value[form], here)
        else:
            yield from _read(value, here, name)


def _form(value: Mapping[str, object]) -> str | None:
    """The distribution that a table describes; `None` if it is a table of others."""
    key, *others = value
    if key in FORMS and isinstance(value[key], list):
        if others:
            raise ConfigError(f"{key} = {value[key]} stands beside {', '.join(others)}: a distribution stands alone.")
        return key
    return None


def _forms() -> str:
    return ", ".join(f"{{ {name} = [...] }}" for name in FORMS)
