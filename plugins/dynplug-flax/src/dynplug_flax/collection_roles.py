"""Roles of those collections of a module that are not trained."""

from collections.abc import Iterable, Mapping

from dynplug.errors import OptionError, nearest
from dynplug_flax.module_form import ModuleForm

ROLES = ("statistic", "state", "fixed")


def roles_of(form: ModuleForm, present: Iterable[str], given: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The roles of the collections that are there. **Raises:** `OptionError` for one without."""
    others = [name for name in present if name != form.trained]
    for name, role in given.items():
        if name not in others:
            raise OptionError(
                f"FlaxLayer: collections={{{name!r}: ...}}: {form.name} has no such collection beside "
                f"{form.trained!r}. {nearest(name, others)}"
            )
        if role not in ROLES:
            raise OptionError(f"FlaxLayer: collections={{{name!r}: {role!r}}}: give one of {', '.join(ROLES)}.")
    roles = form.known | dict(given)
    if open_ := sorted(set(others) - roles.keys()):
        raise OptionError(
            f"FlaxLayer: {form.name} has the collection {open_[0]!r}, and dynplug cannot know what it is. Say so: "
            f"collections={{{open_[0]!r}: 'state'}} if it changes with the steps of each sample, 'statistic' if it is "
            "the same for a batch and changes while fitting, 'fixed' if it stays."
        )
    return tuple((name, roles[name]) for name in sorted(others))
