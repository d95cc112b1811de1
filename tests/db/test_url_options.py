"""The border to drivers: whatever options a URL has, it opens a database or is refused by an error of ours."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import event
from sqlalchemy.engine import URL

from persistdb import ContainerRepository, Database, Timeouts
from persistdb.errors import BadURL, PersistDBError

BASES = {
    "sqlite": "sqlite:///{folder}/x.db",
    # nobody listens there
    "postgresql": "postgresql://u:secret@127.0.0.1:1/d",
    "mariadb": "mariadb://u:secret@127.0.0.1:1/d",
}
# not unix_socket: PyMySQL leaves the socket to the garbage collector if it cannot connect, which is a warning
NAMES = ["bogus", "timeout", "connect_timeout", "read_timeout", "isolation_level", "check_same_thread", "detect_types"]
NAMES += ["sslmode", "options", "keepalives", "tcp_user_timeout", "port", "hostaddr", "target_session_attrs"]
NAMES += ["charset", "conv", "cursorclass", "compress", "ssl", "ssl_ca", "ssl_disabled", "autocommit"]
NAMES += ["bind_address", "client_flag", "local_infile", "cached_statements", "client_encoding", "sql_mode", "passfile"]


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///x.db?bogus=1",
        "sqlite:///x.db?timeout=abc",
        "sqlite:///x.db?check_same_thread=x",
        "sqlite:///x.db?timeout=1_0",
        "sqlite:///x.db?isolation_level=EXCLUSIVE",
        "postgresql://u:secret@h/d?bogus=1",
        "postgresql://u:secret@h/d?connect_timeout=abc",
        "postgresql://u:secret@h/d?port=zz&host=a,b",
        "mariadb://u:secret@h/d?bogus=1",
        "mariadb://u:secret@h/d?connect_timeout=abc",
        "mariadb://u:secret@h/d?conv=x",
        "mariadb://u:secret@h/d?charset=latin1",
        "mariadb://u:secret@h/d?autocommit=false",
        "mariadb://u:secret@h/d?init_command=SELECT+1",
        "mariadb://u:secret@h/d?bind_address=%C2%80",
        "mariadb://u:secret@h/d?bind_address=a..b",
    ],
)
def test_bad_options(url: str) -> None:
    """An option that the driver does not know or cannot read is BadURL, in one line and without the password."""
    with pytest.raises(BadURL) as caught:
        Database(url)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:///x.db?timeout=7", {"timeout": 7.0}),
        ("sqlite:///x.db", {"timeout": 4}),
        (
            "postgresql://h/d?connect_timeout=7&application_name=mine",
            {"connect_timeout": 7, "application_name": "mine"},
        ),
        ("postgresql://h/d?connect_timeout=0", {"connect_timeout": 30}),
        ("postgresql://h/d", {"connect_timeout": 3}),
        ("mariadb://h/d?connect_timeout=7&read_timeout=8", {"connect_timeout": 7, "read_timeout": 8}),
        ("mariadb://h/d?program_name=mine&charset=utf8mb4", {"connect_timeout": 3, "program_name": "mine"}),
    ],
)
def test_options_outweigh_timeouts(url: str, expected: dict[str, object]) -> None:
    """What a URL says of times and names outweighs what persistdb sets."""
    assert {name: value for name, value in _arguments(url).items() if name in expected} == expected


def test_settings_in_a_url() -> None:
    """Settings of a URL for PostgreSQL are kept beside persistdb's, which come last and so outweigh."""
    options = str(_arguments("postgresql://h/d?options=-c%20search_path%3Dx")["options"])
    assert options.startswith("-c search_path=x -c TimeZone=UTC ")


def _arguments(url: str) -> dict[str, object]:
    """Return what a driver is called with to connect; nothing is connected to."""
    arguments: dict[str, object] = {}
    with Database(url, retries=0, timeouts=Timeouts(connect=3, busy=4)) as database:

        @event.listens_for(database.engine, "do_connect")
        def _take(_dialect: object, _record: object, _arguments: object, parameters: dict[str, object]) -> None:
            arguments.update(parameters)
            raise OSError("no connection is wanted")

        with pytest.raises(PersistDBError):
            ContainerRepository(database, host="h").count()
    return arguments


@pytest.mark.parametrize("engine", BASES)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    options=st.dictionaries(st.sampled_from(NAMES) | st.text(min_size=1, max_size=3), st.text(max_size=4), max_size=2)
)
@example(options={"connect_timeout": "1", "timeout": "1"})
@example(options={"bind_address": "\x80"})
@example(options={"port": "1"})
@example(options={"port": "70000"})
@example(options={"port": "-1"})
def test_any_option(tmp_path_factory: pytest.TempPathFactory, engine: str, options: dict[str, str]) -> None:
    """Any options open a database, or raise an error of ours."""
    base = BASES[engine].format(folder=tmp_path_factory.getbasetemp())
    query = URL.create("x", query=options).render_as_string().partition("?")[2]
    try:
        with Database(f"{base}?{query}", retries=0, timeouts=Timeouts(connect=1.0, call=0.1)) as database:
            ContainerRepository(database, host="h").count()
    except PersistDBError:
        return
    assert engine == "sqlite"
