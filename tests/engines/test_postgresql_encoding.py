"""PostgreSQL databases whose encoding or settings are not the usual ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from persistdb import ContainerRepository, Database, Unavailable
from persistdb.records import ContainerState, Mount
from tests.store.samples import sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import PostgreSQL

TEXT = "a'b\\c\\'d ü 世界 \U0001f9ed"


@pytest.fixture(params=["SQL_ASCII", "LATIN1"])
def other_encoding(postgresql_server: PostgreSQL, request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """Create a database of another encoding, and return its name and the encoding."""
    name = f"persistdb_{request.param.lower()}"
    postgresql_server.execute(f"DROP DATABASE IF EXISTS {name}")
    ((version,),) = postgresql_server.execute("SHOW server_version_num")
    # a server may use ICU by default, which has no SQL_ASCII
    provider = "LOCALE_PROVIDER libc" if int(version) >= 150000 else ""
    postgresql_server.execute(
        f"CREATE DATABASE {name} ENCODING '{request.param}' LC_COLLATE 'C' LC_CTYPE 'C' {provider} TEMPLATE template0"
    )
    yield name, request.param
    postgresql_server.drop_database(name)


def test_other_encodings_are_refused(postgresql_server: PostgreSQL, other_encoding: tuple[str, str]) -> None:
    """A database that cannot hold every text is refused in one line that says how to make one that can."""
    name, encoding = other_encoding
    with Database(postgresql_server.url(name)) as database, pytest.raises(Unavailable) as caught:
        ContainerRepository(database, host="h")
    assert f"encoding is {encoding}" in str(caught.value)
    assert "ENCODING 'UTF8'" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("setting", ["client_encoding = 'LATIN1'", "standard_conforming_strings = off"])
def test_settings_of_the_database(postgresql_server: PostgreSQL, postgresql_url: str, setting: str) -> None:
    """Settings of the database or role that change how text is read do not reach persistdb's sessions."""
    with Database(postgresql_url) as database:
        name = database.engine.url.database
    postgresql_server.execute(f"ALTER DATABASE {name} SET {setting}")
    record = ContainerState(state=TEXT, mounts=[Mount(source=TEXT, options=[TEXT])])
    with Database(postgresql_url) as database:
        repository = ContainerRepository(database, host="h")
        repository.save_sandbox(sandbox("pod-1"), {"a": record})
        assert repository.get("pod-1", "a").record == record
        assert len(repository.find()) == 1
