"""Running the code of plugins: its output is redirected, and its faults are told apart from Ctrl-C."""

import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

from dynplug.errors import PluginWarning

_SHOWN = 500  # characters of a message


class CtrlC(KeyboardInterrupt):
    """The user's own Ctrl-C, which must reach the caller; any other `KeyboardInterrupt` is a plugin's fault."""


@contextmanager
def strangers_code(whose: str, without: str) -> Iterator[None]:
    """Run code of a plugin. Callers that catch `BaseException` let `CtrlC` pass; the rest is the plugin's fault.

    Its output goes to standard error: standard output belongs to the program, such as the JSON of a command.

    **Arguments:**

    - `whose`: a description of the code, for the warning if the user interrupts it.
    - `without`: advice on disabling it.
    """
    with redirect_stdout(sys.stderr):
        try:
            with _ctrl_c():
                yield
        except CtrlC:
            warnings.warn(f"Interrupted while {whose} ran. {without}", PluginWarning, stacklevel=4)
            raise


def in_words(cause: BaseException) -> str:
    """An exception in one line, with the name of its class."""
    try:
        text = str(cause)
    except BaseException as error:
        if isinstance(error, CtrlC):
            raise
        text = f"(its message cannot be shown: {type(error).__name__})"
    named = type(cause).__name__
    return " ".join(f"{named}: {text}".split()) if text else named


def reason_of(cause: BaseException) -> str:
    """An exception as part of a sentence, shortened if it is very long."""
    return shortened(in_words(cause).removesuffix("."))


def shortened(text: str, least: int = _SHOWN) -> str:
    """A text cut to a number of characters, with an ellipsis."""
    return text if len(text) <= least else f"{text[: least - 3]}..."


def _interrupt(*_: object) -> None:
    raise CtrlC


@contextmanager
def _ctrl_c() -> Iterator[None]:
    """Tell the user's Ctrl-C from an exception of the same class. It reaches the main thread only."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before is _interrupt or not callable(before):
        yield
    elif before is not signal.default_int_handler:  # another handler, which may raise it too
        try:
            yield
        except KeyboardInterrupt as pressed:
            raise CtrlC from pressed
    else:
        signal.signal(signal.SIGINT, _interrupt)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)
