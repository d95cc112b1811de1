"""The database and host that a command works on."""

from __future__ import annotations

import functools
import sys
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

import click

from ..errors import BadURL
from ..places import is_path
from . import complete, messages
from .messages import tell
from .settings import Settings
from .status import Misuse, reading_arguments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from ..store.repository import ContainerRepository
    from ..store.session import Database

T = TypeVar("T")


@dataclass(frozen=True)
class Target:
    """The values of ``--db``, ``--host``, ``--reader-url`` and ``--replica``.

    ``None`` stands for the usual database, this machine's name, and for both others the database's own URL. A command
    that only reads opens no database that would have to be created: it is :class:`~persistdb.errors.DatabaseMissing`.
    """

    url: str | None
    host: str | None
    reader_url: str | None = None
    settings: Settings = field(default_factory=Settings)
    replica_url: str | None = None
    reason: str | None = None
    """The value of ``--reason``, for the events of what is changed."""

    @contextmanager
    def database(self) -> Iterator[Database]:
        """Open the database, whatever its schema, and close it at the end."""
        with _opened(self.url) as database:
            yield database

    @contextmanager
    def existing(self) -> Iterator[Database]:
        """Open a database that exists, whatever its schema."""
        from ..schema.prepare import refuse_missing

        with self.database() as database:
            refuse_missing(database)
            yield database

    @contextmanager
    def reader(self) -> Iterator[Database]:
        """Open the database as the user who may only read, if there is one, for queries that others wrote.

        Else open its replica, if there is one.
        """
        with _opened(self.reader_url) if self.reader_url else self._lists() as database:
            yield database

    @contextmanager
    def _lists(self) -> Iterator[Database]:
        """Open the replica, if there is one, and else the database."""
        from .logs import is_verbose, log

        with _opened(self.url, self.replica_url) as database:
            if database.replica is None:
                yield database
                return
            if is_verbose():
                seconds = database.replica_lag()
                behind = "which does not tell how far it is behind" if seconds is None else f"{seconds:.3g} s behind"
                log.info("replica %s, %s", database.replica.url, behind)
            yield database.replica

    @contextmanager
    def repository(self, *, create: bool = False, cause: str | None = None) -> Iterator[ContainerRepository]:
        """Open the repository of the host, on a database that has the program's schema, or gets it with ``create``.

        ``cause`` is for the events of what is changed.
        """
        with self._repository(self.database(), create=create) as repository:
            with reading_arguments():
                acting = repository.acting(cause=cause, reason=self.reason)
            yield acting

    @contextmanager
    def listing(self) -> Iterator[ContainerRepository]:
        """Open the repository of the host for lists: on the replica, if there is one."""
        with self._repository(self._lists()) as repository:
            yield repository

    @contextmanager
    def _repository(
        self, opened: AbstractContextManager[Database], *, create: bool = False
    ) -> Iterator[ContainerRepository]:
        from ..schema.prepare import prepare
        from ..store.repository import ContainerRepository
        from .logs import log

        self.check_host()
        with opened as database:
            prepare(database, create=create)
            repository = ContainerRepository(database, host=self.host)
            log.info("host %r", repository.host)
            yield repository

    def check_host(self) -> None:
        """Refuse a name that no host can have."""
        from ..validation import check_host

        if self.host is not None:
            with reading_arguments():
                check_host(self.host)


@contextmanager
def _opened(url: str | None, replica: str | None = None) -> Iterator[Database]:
    from ..store.session import Database  # start-up cost: SQLAlchemy takes longer to import than --help to run
    from .logs import log, own_lines

    # Some URLs turn out to be unusable only in use: a database in memory has no file to copy.
    with own_lines(), reading_arguments(BadURL), Database(_url(url), replica=_url(replica)) as database:
        log.info("database %s", database.url)
        with _waits_told(database.replica or database):
            yield database


def _waits_told(database: Database) -> AbstractContextManager[None]:
    """Say why nothing happens: that a server is away to all, who holds a lock to a person at a terminal."""
    from ..db import waits

    looked_at = bool(sys.stderr.isatty() or messages.style.verbose)
    if messages.style.quiet or (database.backend.no_users and not looked_at):  # a file is never away
        return nullcontext()
    return waits.told(database, _tell_waiting, locks=looked_at)


def _tell_waiting(names: Sequence[str]) -> None:
    tell(f"waiting for {', '.join(names)}")


def _url(text: str | None) -> str | None:
    """Return the URL of what ``--db`` names: a URL, or the path of a file, in which ``~`` is the user's home."""
    if not text or not is_path(text):
        return text
    from pathlib import Path

    from ..engines import file_url

    try:
        return file_url(Path(text).expanduser())
    except RuntimeError:
        raise Misuse(f"{text}: no such user; to write a path that begins with ~, begin it with ./") from None


def _set_host(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    target = ctx.find_object(Target)
    if value is not None:
        ctx.meta[complete.HOST] = value
        if target is not None:
            ctx.obj = replace(target, host=value)


def host_option(command: Callable[..., T]) -> Callable[..., T]:
    """Add ``--host`` to a command; it outweighs the program's."""
    option = click.option(
        "--host",
        metavar="NAME",
        expose_value=False,
        callback=_set_host,
        shell_complete=complete.hosts,
        help="The node; the same as --host before the command.",
    )
    return option(command)


def _set_reason(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    target = ctx.find_object(Target)
    if value is not None and target is not None:
        ctx.obj = replace(target, reason=value)


def reason_option(command: Callable[..., T]) -> Callable[..., T]:
    """Add ``--reason`` to a command that changes rows."""
    option = click.option(
        "--reason",
        metavar="TEXT",
        expose_value=False,
        callback=_set_reason,
        help="Why; it is kept with the events of what is changed.",
    )
    return option(command)


def pass_target(command: Callable[..., T]) -> Callable[..., T]:
    """Pass the target to a command as its first argument.

    Here, and not earlier, a fault of the configuration files ends the command: help works with any.
    """

    def call(target: Target, /, *arguments: object, **options: object) -> T:
        target.settings.check(target.url)
        return command(target, *arguments, **options)

    functools.update_wrapper(call, command)
    return click.make_pass_decorator(Target)(call)
