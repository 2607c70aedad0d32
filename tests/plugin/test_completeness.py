"""Components are documented in full, and what is left out is named."""

import pytest

import dynplug as dp
from dynplug.plugin import registry, undocumented

pytestmark = pytest.mark.quick

COMPONENTS = [c for c in registry().components() if c.plugin.namespace == "dynplug"]


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda c: f"{c.kind.name}:{c.spec.name}")
def test_every_component_is_documented_in_full(component):
    assert undocumented(component) == []


def full(predicts, targets, *, scale: float = 1.0, other: float | None = None, steps: int = 1):
    """A loss.

    $$L = p$$

    **Arguments:**

    - `predicts`, `targets`: numbers.
    - `scale`: a factor [-].
    - `other`: a factor [mV].
    - `steps`: how many.

    **Reference:** Somebody, A. (1999), Title, doi:10.1000/1.
    """


@pytest.mark.parametrize(
    ("left_out", "gap"),
    [
        ("$$L = p$$", "no equation"),
        ("**Reference:** Somebody, A. (1999), Title, doi:10.1000/1.", "no reference"),
        ("- `steps`: how many.", "'steps' is not described"),
        (" [-]", "'scale' has no unit"),
        (" [mV]", "'other' has no unit"),
    ],
)
def test_each_gap_is_named(left_out, gap, monkeypatch):
    monkeypatch.setattr(full, "__doc__", full.__doc__.replace(left_out, ""))
    dp.register("loss", "partly-documented", summary="a loss")(full)
    (found,) = undocumented(registry().find("loss", "partly-documented"))
    assert gap in found
    dp.refresh()


def test_no_gap_in_a_full_one_but_the_summary():
    dp.register("loss", "fully-documented", summary="")(full)
    assert undocumented(registry().find("loss", "fully-documented")) == ["no summary"]
    dp.refresh()
