"""Work in a thread beside the caller's."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Beside(Generic[T]):
    """A function that runs in a thread, from now on.

    A caller that fails before it asks for the result leaves it to its end: it is for what only reads.
    """

    def __init__(self, function: Callable[[], T]) -> None:
        self._function = function
        self._results: list[T] = []
        self._error: BaseException | None = None
        # a program that is told to end does not wait for it
        self._thread = threading.Thread(target=self._run, name="persistdb beside", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._results.append(self._function())
        except BaseException as error:  # noqa: BLE001  it is raised where the result is asked for
            self._error = error

    def result(self) -> T:
        """Wait for the function, and return what it does, or raise its error."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        (result,) = self._results
        return result
