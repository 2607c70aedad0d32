"""The cache of executed pages is made before two processes would make it at once."""

from pathlib import Path

from jupyter_cache import get_cache
from sphinx.application import Sphinx


def create(app: Sphinx) -> None:
    """Create the tables of the cache where myst-nb looks for it."""
    get_cache(Path(app.outdir).parent / ".jupyter_cache").list_cache_records()


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("builder-inited", create)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
