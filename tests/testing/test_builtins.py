"""All that dynplug provides passes its own suite; the list is the registry's, so that nothing can be forgotten."""

from dynplug.testing import parametrize_with_checks


@parametrize_with_checks("dynplug")
def test_conformance(check):
    check()
