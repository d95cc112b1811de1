"""What is logged during a command: of persistdb, lines like all others; of libraries, nothing."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from . import messages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .messages import Level

log = logging.getLogger("persistdb")

_LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)
"""The least that is shown, by the number of ``-v``."""


class _Lines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        level, message = _level(record.levelno), record.getMessage()
        if level in ("info", "debug"):
            messages.write(f"persistdb: {level}: {message}", message, level)
        else:
            messages.complain(message, level)


def _level(number: int) -> Level:
    if number >= logging.ERROR:
        return "error"
    if number >= logging.WARNING:
        return "warning"
    return "info" if number >= logging.INFO else "debug"


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
    level = logging.ERROR if messages.style.quiet else _LEVELS[min(messages.style.verbose, len(_LEVELS) - 1)]
    before = log.level
    handlers = ((root, logging.NullHandler()), (log, _Lines(level)))
    for logger, handler in handlers:
        logger.addHandler(handler)
    log.setLevel(level)
    logging.captureWarnings(True)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        log.setLevel(before)
        for logger, handler in handlers:
            logger.removeHandler(handler)


def is_verbose() -> bool:
    """Return whether lines of ``-v`` are shown, so that what takes time to find out for them is worth it."""
    return log.isEnabledFor(logging.INFO)
