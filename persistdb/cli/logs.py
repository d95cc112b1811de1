"""What is logged during a command: of persistdb a line like all others, of libraries nothing."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .messages import complain

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Lines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        complain(record.getMessage())


@contextmanager
def own_lines() -> Iterator[None]:
    """Keep off stderr what libraries log and warn of: the command says what becomes of its work.

    A driver logs that it could not tell a lost server good-bye, for example. Where logging is set up already, by a
    program that calls this one, that stays as it is.
    """
    root = logging.getLogger()
    if root.handlers:
        yield
        return
    handlers = ((root, logging.NullHandler()), (logging.getLogger("persistdb"), _Lines(logging.WARNING)))
    for logger, handler in handlers:
        logger.addHandler(handler)
    logging.captureWarnings(True)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        for logger, handler in handlers:
            logger.removeHandler(handler)
