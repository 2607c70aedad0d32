"""A newcomer: executes the blocks of a page, and nothing else, in a fresh virtual environment in an empty folder.

    python docs/_extension/newcomer.py docs/getting-started.md [--root .]

Shell blocks, also those that are not executed when the page is built, run in bash; code cells run in one Python
process. All run in the new folder, one after the other, except that a block which installs `.`, or makes
a wheel of it, runs in the root of the repository. The script ends with status 1 at the first block that fails.
"""

import argparse
import json
import os
import re
import select
import subprocess
import sys
import tempfile
import time
import venv
from dataclasses import dataclass, field
from pathlib import Path

FENCE = re.compile(r"^(?P<fence>`{3,}|~{3,}|:{3,})(?P<info>.*)$")
EXECUTED = re.compile(r"\{(?P<kind>shell|code-cell)\}")
OPTION = re.compile(r"^:(?P<name>[\w-]+):\s*(?P<value>.*)$")
NEEDS_THE_CLONE = re.compile(r"\bpip (?:install|wheel)\b.*?\s['\"]?\.(?:\[[\w,-]*\])?['\"]?(?:\s|$)", re.MULTILINE)
WRITEFILE = re.compile(r"^%%writefile\s+(?P<name>\S+)\n")

INTERPRETER = """
import json, sys, traceback
names = {"__name__": "__main__"}
cells, replies = open(int(sys.argv[1])), open(int(sys.argv[2]), "w")
for line in cells:
    failed = False
    try:
        exec(compile(json.loads(line), "<cell>", "exec"), names)
    except BaseException:
        traceback.print_exc()
        failed = True
    sys.stdout.flush()
    print(json.dumps(failed), file=replies, flush=True)
"""


@dataclass(frozen=True)
class Block:
    """An executed block of a page: its kind, the number of its first line, its options and its code."""

    kind: str
    line: int
    options: dict[str, str]
    code: str

    @property
    def fails(self) -> bool:
        """Whether it is meant to fail."""
        return "fails" in self.options or "raises-exception" in self.options.get("tags", "")


def blocks(text: str) -> list[Block]:
    """The executed blocks of a page, in order, also those inside directives such as `{tip}`."""
    found, around, lines, n = list[Block](), list[str](), text.splitlines(), 0
    while n < len(lines):
        opened = FENCE.match(lines[n])
        n += 1
        if not opened:
            continue
        fence, info = opened["fence"], opened["info"].strip()
        if around and not info and fence.startswith(around[-1]):
            around.pop()
            continue
        executed = EXECUTED.match(info)
        if info.startswith("{") and not executed and not info.startswith("{code"):
            around.append(fence)
            continue
        first = n
        while n < len(lines) and not re.fullmatch(re.escape(fence) + r"+\s*", lines[n]):
            n += 1
        if executed:
            found.append(_block(executed["kind"], first, lines[first:n]))
        n += 1
    return found


def _block(kind: str, line: int, inside: list[str]) -> Block:
    options = dict[str, str]()
    if inside and inside[0] == "---":
        end = inside.index("---", 1)
        options["tags"], inside = " ".join(inside[1:end]), inside[end + 1 :]
    while inside and (option := OPTION.match(inside[0])):
        options[option["name"]] = option["value"]
        inside = inside[1:]
    return Block(kind, line + 1, options, "\n".join(inside).strip("\n") + "\n")


@dataclass
class Newcomer:
    """Someone at an empty desk: a folder, an environment, a terminal and a Python session.

    **Arguments:**

    - `folder`: an empty folder.
    - `root`: the repository that they cloned.
    - `limit`: the number of seconds that a block may take.
    """

    folder: Path
    root: Path
    limit: float
    environment: dict[str, str] = field(init=False)
    _python: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.work = self.folder / "work"
        self.work.mkdir()
        home = self.folder / "venv"
        venv.create(home, with_pip=True)
        foreign = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
        self.environment = {name: value for name, value in os.environ.items() if name not in foreign}
        scripts = str(home / "bin")
        self.environment |= {"VIRTUAL_ENV": str(home), "PATH": scripts + os.pathsep + os.environ["PATH"]}
        self.environment |= {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_PROGRESS_BAR": "off"}

    def execute(self, block: Block) -> bool:
        """Execute a block; whether it ended as the page says."""
        failed = self._shell(block.code) if block.kind == "shell" else self._cell(block.code)
        return failed == block.fails

    def leave(self) -> None:
        """End the Python session."""
        if self._python is not None:
            self._cells.close()
            self._python.wait()
            self._replies.close()

    def _shell(self, commands: str) -> bool:
        where = self.root if NEEDS_THE_CLONE.search(commands) else self.work
        command = ["bash", "-euo", "pipefail", "-c", commands]
        done = subprocess.run(
            command, cwd=where, env=self.environment, stdin=subprocess.DEVNULL, timeout=self.limit, check=False
        )
        return done.returncode != 0

    def _cell(self, code: str) -> bool:
        if written := WRITEFILE.match(code):
            (self.work / written["name"]).write_text(code[written.end() :], encoding="utf-8")
            return False
        if self._python is None:
            self._start_python()
        assert self._python is not None
        print(json.dumps(code), file=self._cells, flush=True)
        if not select.select([self._replies], [], [], self.limit)[0]:
            self._python.kill()
            raise subprocess.TimeoutExpired(code, self.limit)
        answer = self._replies.readline()
        return json.loads(answer) if answer else True  # without an answer the process has ended

    def _start_python(self) -> None:
        cells, to_cells = os.pipe()
        from_replies, replies = os.pipe()
        self._python = subprocess.Popen(
            ["python", "-c", INTERPRETER, str(cells), str(replies)],
            cwd=self.work,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            pass_fds=(cells, replies),
        )
        os.close(cells)
        os.close(replies)
        self._cells, self._replies = os.fdopen(to_cells, "w"), os.fdopen(from_replies)


def follow(page: Path, root: Path, limit: float) -> str:
    """Execute a page: the message about the block that failed, or an empty one."""
    with tempfile.TemporaryDirectory(prefix="newcomer-") as folder:
        newcomer = Newcomer(Path(folder), root, limit)
        try:
            for block in blocks(page.read_text(encoding="utf-8")):
                print(f"--- {page.name}:{block.line}\n{block.code}---", flush=True)
                began = time.perf_counter()
                try:
                    ended_well = newcomer.execute(block)
                except subprocess.TimeoutExpired:
                    return f"{page}:{block.line}: this block did not end in {limit:g} s:\n{block.code}"
                print(f"--- {time.perf_counter() - began:.1f} s", flush=True)
                if not ended_well:
                    how = "did not fail, as the page says it does" if block.fails else "failed"
                    return f"{page}:{block.line}: this block {how}:\n{block.code}"
        finally:
            newcomer.leave()
    return ""


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("page", type=Path, help="the page, as docs/getting-started.md")
    parser.add_argument("--root", type=Path, default=Path(), help="the root of the repository")
    parser.add_argument("--limit", type=float, default=1800.0, help="the number of seconds that a block may take")
    given = parser.parse_args()
    began = time.perf_counter()
    problem = follow(given.page, given.root.resolve(), given.limit)
    took = time.perf_counter() - began
    if problem:
        print(f"{problem}\nThe newcomer gave up after {took:.0f} s.", file=sys.stderr)
        return 1
    print(f"{given.page}: all blocks ended as the page says, {took:.0f} s from nothing to its end")
    return 0


if __name__ == "__main__":
    sys.exit(main())
