"""All that this package registers passes dynplug's conformance suite, as far as what it sends to is installed."""

import pytest

from dynplug.errors import MissingPackageError
from dynplug.testing import parametrize_with_checks


@parametrize_with_checks("dynplug-trackers")
def test_conformance(check, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tmp_path.as_uri())
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    try:
        check()
    except MissingPackageError as error:
        pytest.skip(str(error))
