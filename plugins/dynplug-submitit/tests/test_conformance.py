"""dynplug's conformance suite."""

from dynplug.testing import parametrize_with_checks


@parametrize_with_checks("dynplug-submitit")
def test_conformance(check):
    check()
