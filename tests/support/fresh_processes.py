"""Processes that have imported dynplug and not begun to use it, forked from one that waits: importing takes seconds.

Such a process has its own arguments, environment, folder and pipes, and ends as any other does. Of the variables that
JAX reads when it is imported, `JAX_...`, it takes `JAX_PLATFORMS`; the others are those of the tests.
"""

import contextlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor


class Fresh:
    """Starts such processes in a `with` statement."""

    def __enter__(self):
        self._socket, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, __file__, str(theirs.fileno())]
            self._first = subprocess.Popen(command, pass_fds=[theirs.fileno()])
        return self

    def __exit__(self, *_):
        self._socket.close()  # which ends it
        self._first.wait()

    def start(self, code, *arguments, env=os.environ, cwd=None):
        """A process that runs code, or the file or folder at a path."""
        job = {"code": str(code), "path": isinstance(code, os.PathLike), "arguments": [*map(str, arguments)]}
        job |= {"env": dict(env), "cwd": str(cwd or os.getcwd())}
        (read, write), *back = (os.pipe() for _ in range(4))
        (stdin, given) = os.pipe()
        theirs = [read, stdin, *(end for _, end in back)]
        socket.send_fds(self._socket, [b"!"], theirs)
        for end in theirs:
            os.close(end)
        with os.fdopen(write, "w") as file:
            json.dump(job, file)
        return Process(given, *(end for end, _ in back))

    def run(self, code, *arguments, **options):
        """Run it to its end: an object with `returncode`, `stdout` and `stderr`."""
        process = self.start(code, *arguments, **options)
        out, err = process.communicate()
        return subprocess.CompletedProcess(code, process.returncode, out, err)


class Process:
    """What tests use of a `subprocess.Popen` with pipes of text."""

    def __init__(self, stdin, *others):
        self.stdin, self.returncode = os.fdopen(stdin, "w"), None
        self.stdout, self.stderr, self._status = map(os.fdopen, others)
        self.pid = int(self._status.readline())

    def send_signal(self, number):
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            self.send_signal(signal.SIGKILL)

    def has_ended(self):
        try:
            self.send_signal(0)
        except ProcessLookupError:
            return True
        return self.returncode is not None

    def communicate(self, given="", timeout=None):
        with contextlib.suppress(BrokenPipeError), self.stdin:
            self.stdin.write(given)
        with self.stdout, self.stderr, self._status, ThreadPoolExecutor(2) as readers:
            reads = [readers.submit(pipe.read) for pipe in (self.stdout, self.stderr)]
            try:
                said = [read.result(timeout) for read in reads]
            except TimeoutError:
                self.kill()
                raise
            self.returncode = int(self._status.readline())
        return said


def serve(control):
    """Fork a process for each one that is started: it returns what that is to run, the first one `None` at the end."""
    while True:
        said, pipes, *_ = socket.recv_fds(control, 1, 5)
        if not said:
            return None
        if not os.fork():
            control.close()
            return job(*pipes)
        for pipe in pipes:
            os.close(pipe)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def job(read, *pipes):
    """Fork the process itself, tell of its beginning and of its end, and return in it."""
    *standard, status = pipes
    with os.fdopen(read) as file:
        wanted = json.load(file)
    if pid := os.fork():
        for pipe in standard:
            os.close(pipe)
        os.write(status, f"{pid}\n".encode())
        os.write(status, f"{os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}\n".encode())
        os._exit(0)
    os.close(status)
    for number, pipe in enumerate(standard):
        os.dup2(pipe, number)
        os.close(pipe)
    os.chdir(wanted["cwd"])
    os.environ.clear()
    os.environ.update(wanted["env"])
    jax.config.update("jax_platforms", os.environ.get("JAX_PLATFORMS"))
    sys.argv = [wanted["code"] if wanted["path"] else "-c", *wanted["arguments"]]
    return wanted


if __name__ == "__main__":
    import jax

    import dynplug.recipe.training
    import dynplug.testing  # noqa: F401

    warnings.filterwarnings("ignore", ".*use of fork", DeprecationWarning)  # of threads of NumPy that wait
    sys.path[0] = ""
    if wanted := serve(socket.socket(fileno=int(sys.argv[1]))):
        if wanted["path"]:
            runpy.run_path(wanted["code"], run_name="__main__")
        else:
            exec(compile(wanted["code"], "<string>", "exec"), {"__name__": "__main__"})
