"""dynplug's conformance suite."""

from dynplug.testing import parametrize_with_checks


@parametrize_with_checks("dynplug-flax")
def test_conformance(check):
    check()
