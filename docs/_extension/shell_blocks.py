"""The directive `shell`: commands that are executed when the page is built, with what they print.

The blocks of a page run one after the other in one folder, which is empty at first. What they printed is kept beside
the built pages, and is used again until a command of the page or the version of dynplug changes.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive, directives
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|.*\r(?!\n)")


_OF_THE_BUILD = "DYNPLUG_CLAIMS"  # which a reader has not set, and `dynplug doctor` does not know


class Shell(Directive):
    """Commands and what they print.

    Options: `no-output` shows the commands alone; `fails`, the commands must fail; `elsewhere`, with the reason: they
    are not executed here but by what the reason names, such as the newcomer script; `last`, the number of last lines
    of output that are shown; `timeout` in seconds.
    """

    has_content = True
    option_spec = {
        "no-output": directives.flag,
        "fails": directives.flag,
        "elsewhere": directives.unchanged_required,
        "last": directives.positive_int,
        "timeout": directives.positive_int,
    }

    def run(self) -> list[nodes.Node]:
        """The nodes of the commands and of their output."""
        commands = "\n".join(self.content)
        shown = nodes.literal_block(commands, commands, language="bash")
        if "elsewhere" in self.options:
            return [shown]
        env = self.state.document.settings.env
        output = session_of(env).run(
            commands, "fails" in self.options, self.options.get("timeout", 600), f"{env.docname}:{self.lineno}"
        )
        if "no-output" in self.options or not output.strip():
            return [shown]
        lines = output.rstrip().splitlines()
        if (last := self.options.get("last")) and len(lines) > last:
            lines = ["…", *lines[-last:]]
        text = "\n".join(lines)
        return [shown, nodes.literal_block(text, text, language="text", classes=["shell-output"])]


class Session:
    """The commands of one page: the folder in which they run, and what is kept of earlier ones."""

    def __init__(self, cache: Path, release: str):
        self.cache, self.release = cache, release
        self.before: list[str] = []
        self.folder: tempfile.TemporaryDirectory[str] | None = None

    def run(self, commands: str, fails: bool, timeout: int, place: str) -> str:
        """The output of commands, run after all earlier ones of the page."""
        self.before.append(commands)
        kept = self.cache / (hashlib.sha256(json.dumps([self.release, self.before]).encode()).hexdigest()[:24] + ".txt")
        if kept.exists() and self.folder is None:
            return kept.read_text(encoding="utf-8")
        if self.folder is None:  # a command is new: those before it are needed too
            self.folder = tempfile.TemporaryDirectory()
            for earlier in self.before[:-1]:
                self._execute(earlier, timeout, place)
        code, output = self._execute(commands, timeout, place)
        if (code != 0) != fails:
            raise ExtensionError(f"{place}: the commands ended with {code}:\n{commands}\n{output[-2000:]}")
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(output, encoding="utf-8")
        return output

    def _execute(self, commands: str, timeout: int, place: str) -> tuple[int, str]:
        assert self.folder is not None
        scripts = str(Path(sys.executable).parent)
        path = [f"{self.folder.name}/site", *filter(None, [os.environ.get("PYTHONPATH")])]  # see as_installed.py
        try:
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", commands],
                cwd=self.folder.name,
                env={
                    **{name: value for name, value in os.environ.items() if name != _OF_THE_BUILD},
                    "PATH": scripts + os.pathsep + os.environ["PATH"],
                    "PYTHONPATH": os.pathsep.join(path),
                    "COLUMNS": "100",
                    "NO_COLOR": "1",
                },
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=timeout,
            )
        except subprocess.TimeoutExpired:
            raise ExtensionError(f"{place}: the commands did not end in {timeout} s:\n{commands}") from None
        return done.returncode, CONTROL.sub("", done.stdout).replace(self.folder.name, "~")


_SESSIONS: dict[str, Session] = {}


def session_of(env) -> Session:
    """The session of the page that is being read."""
    if env.docname not in _SESSIONS:
        _SESSIONS[env.docname] = Session(Path(env.app.doctreedir).parent / "shell", env.app.config.release)
    return _SESSIONS[env.docname]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive with Sphinx."""
    app.add_directive("shell", Shell)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
