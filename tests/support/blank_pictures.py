"""Pictures of reports that are not drawn: drawing takes most of the time of a small training."""

from pathlib import Path

import pytest


class Blank:
    """Stands for a figure."""

    def savefig(self, file, **_):
        Path(file).write_bytes(b"a picture")


@pytest.fixture
def drawn():
    """Asked for by a test, in a file of `blank_pictures`, whose pictures are drawn."""


@pytest.fixture
def blank_pictures(request, monkeypatch):
    """Reports of trainings that a test starts hold no curves."""
    if "drawn" not in request.fixturenames:
        monkeypatch.setattr("dynplug.plot.sheet", lambda *_, **_options: Blank())
        monkeypatch.setattr("dynplug.plot.inline_svg", lambda *_: "<svg></svg>")
