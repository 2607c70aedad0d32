"""One name in four spellings."""

import pytest

from dynplug.errors import OptionError
from dynplug.new.names import names_of

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(
    "given",
    ["adex-lite", "adex_lite", "AdexLite", "dynplug-adex-lite", "dynplug_adex_lite", "Adex Lite", "adex.lite "],
)
def test_whatever_the_spelling_the_names_are_these(given):
    names = names_of(given)
    assert names.component == "adex-lite"
    assert names.distribution == "dynplug-adex-lite"
    assert names.module == "dynplug_adex_lite"
    assert names.cls == "AdexLite"
    assert names.function == "adex_lite"


@pytest.mark.parametrize("given", ["x", "lif2", "LIF"])
def test_short_names_and_digits_are_names(given):
    assert names_of(given).component == given.lower()


@pytest.mark.parametrize("given", ["", "2nd", "a/b", "../x", "a b!", "-", "größe", "dynplug-", "."])
def test_what_is_no_name_is_refused(given):
    with pytest.raises(OptionError, match="write words of letters and digits, beginning with a letter"):
        names_of(given)


@pytest.mark.parametrize("given", ["lambda", "None", "true", "local", "dynplug"])
def test_what_python_or_dynplug_needs_is_refused(given):
    with pytest.raises(OptionError, match="is reserved by Python or dynplug: choose a more specific one"):
        names_of(given)
