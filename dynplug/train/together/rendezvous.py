"""Threads that wait for each other, so that what each of them asks for is computed at once."""

import threading
from collections.abc import Callable
from typing import Any

Asked = dict[int, Any]


class Rendezvous:
    """A place where threads bring requests. When all that are left have brought one, the last answers all of them.

    **Arguments:**

    - `number`: of the threads, which are numbered from 0.
    - `answer`: from requests by thread to answers by thread; if it raises, all of them raise that.
    """

    def __init__(self, number: int, answer: Callable[[Asked], Asked]):
        self._left, self._answer = set(range(number)), answer
        self._asked: Asked = {}
        self._answers: Asked = {}
        self._changed = threading.Condition()

    def ask(self, thread: int, request: object) -> Any:
        """The answer to a request of a thread, as soon as there is one."""
        with self._changed:
            self._asked[thread] = request
            self._answer_all()
            self._changed.wait_for(lambda: thread in self._answers)
            answer = self._answers.pop(thread)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def leave(self, thread: int) -> None:
        """Wait for this thread no more."""
        with self._changed:
            self._left.discard(thread)
            self._answer_all()

    def close(self, error: BaseException) -> None:
        """Let whoever waits, or comes later, raise an error."""
        with self._changed:
            self._answer = lambda asked: dict.fromkeys(asked, error)
            self._left = set(self._asked)
            self._answer_all()
            self._left = set()

    def _answer_all(self) -> None:
        if not self._asked or self._asked.keys() < self._left:
            return
        asked, self._asked = self._asked, {}
        try:
            self._answers |= self._answer(asked)
        except BaseException as error:
            self._answers |= dict.fromkeys(asked, error)
        self._changed.notify_all()
