"""The border to drivers: whatever options a URL has, it opens a database or is refused by an error of ours."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
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
        "postgresql://u:secret@h/d?bogus=1",
        "postgresql://u:secret@h/d?connect_timeout=abc",
        "postgresql://u:secret@h/d?port=zz&host=a,b",
        "mariadb://u:secret@h/d?bogus=1",
        "mariadb://u:secret@h/d?connect_timeout=abc",
        "mariadb://u:secret@h/d?conv=x",
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


@pytest.mark.parametrize("engine", BASES)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    options=st.dictionaries(st.sampled_from(NAMES) | st.text(min_size=1, max_size=3), st.text(max_size=4), max_size=2)
)
@example(options={"connect_timeout": "1", "timeout": "1"})
@example(options={"bind_address": "\x80"})
def test_any_option(tmp_path_factory: pytest.TempPathFactory, engine: str, options: dict[str, str]) -> None:
    """Any options open a database, or raise an error of ours."""
    base = BASES[engine].format(folder=tmp_path_factory.getbasetemp())
    query = URL.create("x", query=options).render_as_string().partition("?")[2]
    try:
        with Database(f"{base}?{query}", retries=0, timeouts=Timeouts(connect=1.0, call=3.0)) as database:
            ContainerRepository(database, host="h").count()
    except PersistDBError:
        return
    assert engine == "sqlite"
