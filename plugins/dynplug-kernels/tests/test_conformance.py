"""All that this package registers passes dynplug's conformance suite."""

from dynplug.testing import parametrize_with_checks


@parametrize_with_checks("dynplug-kernels")
def test_conformance(check):
    check()
