"""Processes that end with the test that started them."""

import subprocess
from contextlib import contextmanager


@contextmanager
def started(command, **options):
    """A process, as by `subprocess.Popen`; one that has not ended in the end is killed."""
    with subprocess.Popen(command, **options) as process:
        try:
            yield process
        finally:
            process.kill()
