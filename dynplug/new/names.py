"""The spellings of a component's name: as a distribution, a module, a class and a function."""

import keyword
import re
from dataclasses import dataclass

from dynplug.errors import OptionError

_RESERVED = ("dynplug", "local")  # namespaces
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Names:
    """A component's name, in words joined by hyphens such as `adex-lite`, and the names derived from it."""

    component: str

    @property
    def distribution(self) -> str:
        return f"dynplug-{self.component}"

    @property
    def function(self) -> str:
        """The name as a function: `adex_lite`."""
        return self.component.replace("-", "_")

    @property
    def module(self) -> str:
        return f"dynplug_{self.function}"

    @property
    def cls(self) -> str:
        """The name as a class: `AdexLite`."""
        return "".join(word.capitalize() for word in self.component.split("-"))


def names_of(given: str) -> Names:
    """The names derived from user input: `adex-lite`, `adex_lite`, `AdexLite` or `dynplug-adex-lite`.

    **Raises:** `OptionError` if it cannot name a package, a module and a class.
    """
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", given.strip())
    name = re.sub(r"[-_. ]+", "-", words).lower().removeprefix("dynplug-")
    if not _NAME.fullmatch(name):
        raise OptionError(
            f"Invalid name {given!r}: write words of letters and digits, beginning with a letter: adex-lite."
        )
    names = Names(name)
    if name in _RESERVED or keyword.iskeyword(names.function) or keyword.iskeyword(names.cls):
        raise OptionError(f"The name {given!r} is reserved by Python or dynplug: choose a more specific one.")
    return names
