"""MariaDB for asyncio, through asyncmy, which closes a connection whose answer a cancelled task has left unread."""

from __future__ import annotations

import asyncio
from inspect import signature
from typing import TYPE_CHECKING, Any

import asyncmy
from asyncmy.converters import conversions
from sqlalchemy import event

from ..asynchronous import Asynchronous
from ..base import native
from ..deadlines import shut_down
from . import nodes
from .backend import MariaDB

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Engine
    from sqlalchemy.engine import URL

# what asyncmy does without: it has no TLS unless it is given a context, and an answer's time is that of a call
_PYMYSQL_ONLY = ("ssl_disabled", "read_timeout")

# CR_CONN_HOST_ERROR
_NO_HOST = 2003


class AsyncMariaDB(Asynchronous, MariaDB):
    """A server for a fleet, for tasks of asyncio."""

    drivername = "mariadb+asyncmy"
    style = "format"

    def check_options(self, url: URL) -> None:
        """Take those options of PyMySQL that asyncmy has, too."""
        super().check_options(url.set(drivername=MariaDB.drivername))
        unknown = sorted(url.query.keys() - signature(asyncmy.connection.Connection.__init__).parameters.keys())
        for name in unknown:
            if name not in _PYMYSQL_ONLY and name not in nodes.OPTIONS and not name.startswith("ssl_"):
                raise ValueError(f"option {name!r} is not one of asyncmy's, the driver for asyncio")

    def new_engine(self, url: URL, **options: Any) -> Engine:
        """Leave out what only PyMySQL knows."""
        engine = super().new_engine(url, **options)

        @event.listens_for(engine, "do_connect")
        def _adapt(_dialect: object, _record: object, _arguments: object, parameters: dict[str, Any]) -> None:
            for name in _PYMYSQL_ONLY:
                parameters.pop(name, None)
            parameters["async_creator_fn"] = _connect

        return engine

    def conversions(self, driver: Any) -> Mapping[Any, Any]:  # noqa: ARG002  SQLAlchemy's shell of it
        """Return asyncmy's."""
        return conversions

    def interrupt(self, driver: Any) -> None:
        """Shut the socket down, as for PyMySQL."""
        transport = native(driver)._transport  # noqa: SLF001  there is no other way to it
        if transport is not None:
            shut_down(transport.get_extra_info("socket").fileno())

    def lift_read_timeout(self, driver: Any) -> None:
        """Do nothing: there is none."""


async def _connect(**parameters: Any) -> Any:
    """Connect within the timeout, all of it: the driver's own ends when the port accepts."""
    seconds = parameters["connect_timeout"]
    try:
        async with asyncio.timeout(seconds):
            return await asyncmy.connect(**parameters)
    except TimeoutError as error:
        raise asyncmy.errors.OperationalError(_NO_HOST, f"no answer within {seconds:g} s") from error
