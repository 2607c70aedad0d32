"""The directive `as-installed`: a package that a page makes is found at the build as if pip had installed it.

Pages that make a package install it with a block that is executed elsewhere, since a build must not change its own
environment. This directive, which shows nothing, does for the blocks after it what `pip install -e` does: it links the
package into the folder `site` of the page, which is on their path, and writes its metadata there.
"""

import sys
import tomllib
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive
from shell_blocks import session_of
from sphinx.application import Sphinx


class AsInstalled(Directive):
    """Install the package whose folder is the argument, for the `shell` blocks of this page that follow."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Nothing to show."""
        env = self.state.document.settings.env
        command = f"{sys.executable} {Path(__file__)} {self.arguments[0]}"
        session_of(env).run(command, False, 60, f"{env.docname}:{self.lineno}")
        return []


def install(home: Path, site: Path) -> None:
    """Write into a folder of packages what an editable installation would leave there."""
    project = tomllib.loads((home / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    site.mkdir(exist_ok=True)
    for package in (home / "src").iterdir():
        (site / package.name).symlink_to(package.resolve())
    info = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    lines = ["Metadata-Version: 2.1", f"Name: {project['name']}", f"Version: {project['version']}"]
    lines += [f"Summary: {project['description']}", *(f"Requires-Dist: {r}" for r in project["dependencies"])]
    (info / "METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")
    entries = [
        f"[{group}]\n" + "".join(f"{name} = {module}\n" for name, module in members.items())
        for group, members in project["entry-points"].items()
    ]
    (info / "entry_points.txt").write_text("\n".join(entries), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive with Sphinx."""
    app.add_directive("as-installed", AsInstalled)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


if __name__ == "__main__":
    install(Path(sys.argv[1]), Path("site"))
