"""One name, as a distribution, a module, a class and a component spell it."""

import keyword
import re
from dataclasses import dataclass

from dynplug.errors import OptionError

_RESERVED = ("dynplug", "local")  # namespaces
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Names:
    """The name of a component, words joined by hyphens, as `adex-lite`, and what follows from it."""

    component: str

    @property
    def distribution(self) -> str:
        return f"dynplug-{self.component}"

    @property
    def function(self) -> str:
        """As functions are called: `adex_lite`."""
        return self.component.replace("-", "_")

    @property
    def module(self) -> str:
        return f"dynplug_{self.function}"

    @property
    def cls(self) -> str:
        """As classes are called: `AdexLite`."""
        return "".join(word.capitalize() for word in self.component.split("-"))


def names_of(given: str) -> Names:
    """The names that follow from what a user wrote: `adex-lite`, `adex_lite`, `AdexLite` or `dynplug-adex-lite`.

    **Raises:** `OptionError` for what cannot be the name of a package, a module and a class.
    """
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", given.strip())
    name = re.sub(r"[-_. ]+", "-", words).lower().removeprefix("dynplug-")
    if not _NAME.fullmatch(name):
        raise OptionError(f"{given!r} is no name: write words of letters and digits, a letter first, as adex-lite.")
    names = Names(name)
    if name in _RESERVED or keyword.iskeyword(names.function) or keyword.iskeyword(names.cls):
        raise OptionError(f"{given!r} is taken, by Python or by dynplug: choose a more telling name.")
    return names
