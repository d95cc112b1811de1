"""Secrets: the places that passwords are read from, and nothing that shows them."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from sqlalchemy import make_url, text

from persistdb import AccessDenied, BadURL, ContainerRepository, Database, PersistDBError, Timeouts, Unavailable
from persistdb.cli import main
from tests.servers import HUSH, PASSWORD, USER

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers import MariaDB, PostgreSQL, Server

# Each with a password where a URL may have one, as it is and percent-encoded; nobody listens there.
SECRET = [f"{HUSH}-hush", quote(PASSWORD, safe=""), "hush%3Fa%3D%26b%40c%2F%23", "%68ush"]
HIDDEN = [
    *(f"{scheme}://u:{{}}@127.0.0.1:1/d" for scheme in ("postgresql", "postgres", "mariadb", "mysql")),
    "postgresql://u@127.0.0.1:1/d?password={}",
    "postgresql://u:x@127.0.0.1:1/d?password={}&connect_timeout=2",
    "postgresql://u@127.0.0.1:1/d?sslpassword={}",
    "mariadb://u@127.0.0.1:1/d?password={}",
    "mariadb://u@127.0.0.1:1/d?ssl_key_password={}",
]
REFUSED = [
    "postgresql://u:{}@h/d?bogus=1",
    "postgresql://u:{}@h/d?sslmode=no",
    "postgresql://u:{}@h/d?connect_timeout=",
    "postgresql://u:{}@h/d?port=x",
    "postgresql://u@h/d?passwords={}",
    "postgresql://u@h/d?secret={}",
    "postgresql+asyncpg://u:{}@h/d",
    "postgresql://u:{}@h:port/d",
    "oracle://u:{}@h/d",
    "mariadb://u:{}@h/d?bogus=1",
    "mariadb://u@h/d?passwd={}",
    "mariadb://u@h/d?password={}&password=x",
    "postgresql://u@h/d?password={}&password=x",
    "sqlite://u:{}@h/x.db?bogus=1",
    "u:{}@h/d",
]
COMMANDS = [
    ["ls"],
    ["show", "x"],
    ["rm", "x"],
    ["report", "summary"],
    ["sql", "SELECT 1"],
    ["export", "--to", "out"],
    ["db", "current"],
    ["db", "upgrade"],
    ["db", "check"],
    ["db", "backup", "copy"],
    ["db", "grant-reader", "x"],
    ["db", "grant-writer", "x", "--print"],
]


def use(url: str) -> None:
    """Connect."""
    with Database(url, retries=0, timeouts=Timeouts(connect=5.0, call=10.0)) as database:
        ContainerRepository(database, host="n").count()


def without_password(server: Server, name: str) -> str:
    """Return a URL without the password."""
    return server.url(name).replace(":" + quote(PASSWORD, safe=""), "")


@pytest.mark.parametrize("secret", SECRET)
@pytest.mark.parametrize("url", HIDDEN)
def test_never_shown(
    url: str, secret: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """A password in a URL, however it is written, is in no error, name, log or output."""
    caplog.set_level(logging.DEBUG)
    with Database(url.format(secret), retries=0, timeouts=Timeouts(connect=2.0, call=0.2)) as database:
        assert "***" in database.url
        engine = database.engine
        shown = repr(database) + str(database) + database.url + repr(engine) + repr(engine.url) + repr(engine.pool)
        with pytest.raises(PersistDBError) as caught:
            ContainerRepository(database, host="n")
    error = caught.value
    shown += "".join(traceback.format_exception(error)) + str(error) + repr(error) + repr(vars(error)) + caplog.text
    shown += "".join(capfd.readouterr())
    assert HUSH not in shown
    assert secret not in shown


@pytest.mark.parametrize("url", REFUSED)
def test_refused_urls(url: str, capfd: pytest.CaptureFixture[str]) -> None:
    """A URL that is refused is shown without its password, in one line."""
    for secret in SECRET:
        with pytest.raises(BadURL) as caught:
            Database(url.format(secret))
        shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
        assert HUSH not in shown
        assert secret not in shown
        assert main(["--db", url.format(secret), "ls"]) == 2
        out = capfd.readouterr()
        assert HUSH not in out.err + out.out
        assert out.err.count("\n") == 1


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_commands(
    words: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """No command and no help prints the password of a URL in the environment, also where it fails."""
    monkeypatch.chdir(tmp_path)
    for number, variable in enumerate(("PERSISTDB_URL", "PERSISTDB_READER_URL", "PERSISTDB_REPLICA_URL")):
        url = HIDDEN[number * 4].format(SECRET[1])
        monkeypatch.setenv(variable, f"{url}{'&' if '?' in url else '?'}connect_timeout=1")
    for arguments in (words, [*words, "--help"], ["--help"], [words[0], "--help"], [*words, "--bogus"]):
        main(arguments)
        out = capfd.readouterr()
        assert HUSH not in out.out + out.err
        assert "Traceback" not in out.err


def test_what_a_server_shows(postgresql_server: PostgreSQL, postgresql_url: str) -> None:
    """What other users of a server may see of a session does not have its password."""
    home = make_url(postgresql_url).database
    with Database(postgresql_url) as database:
        ContainerRepository(database, host="n").count()
        rows = postgresql_server.execute(f"SELECT * FROM pg_stat_activity WHERE datname = '{home}'")
        assert rows
        assert HUSH not in repr(rows)


def test_password_file(
    postgresql_server: PostgreSQL, postgresql_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL the password is read from libpq's file, and from PGPASSWORD, where the URL has none."""
    url = without_password(postgresql_server, str(make_url(postgresql_url).database))
    with pytest.raises(AccessDenied):
        use(url)
    file = tmp_path / "pgpass"
    file.write_text(f"*:*:*:{USER}:{PASSWORD}\n")
    file.chmod(0o600)
    use(f"{url}?passfile={file}")
    monkeypatch.setenv("PGPASSFILE", str(file))
    use(url)
    file.chmod(0o644)  # libpq does without a file that others may read
    with pytest.raises(AccessDenied):
        use(url)
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    use(url)


def test_password_file_at_home(
    postgresql_server: PostgreSQL, postgresql_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL ``~/.pgpass`` is read without being named; a ``~`` in the URL's option is the user's home."""
    url = without_password(postgresql_server, str(make_url(postgresql_url).database))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("PGPASSFILE", raising=False)
    file = tmp_path / ".pgpass"
    file.write_text(f"*:*:*:{USER}:{PASSWORD}\n")
    file.chmod(0o600)
    use(url)
    use(f"{url}?passfile=~/.pgpass")
    file.rename(tmp_path / "other")
    use(f"{url}?passfile=~/other")


def test_password_file_that_libpq_would_pass_over(postgresql_url: str, tmp_path: Path) -> None:
    """A file of passwords that the URL names and libpq would not read is an error that says why."""
    url = f"{postgresql_url}?passfile={tmp_path}/pgpass"
    for make, says in (
        (lambda: None, "No such file"),
        (lambda: (tmp_path / "pgpass").touch(0o640), f"others may read it: chmod 600 {tmp_path}/pgpass"),
        (lambda: ((tmp_path / "pgpass").unlink(), (tmp_path / "pgpass").mkdir()), "not a regular file"),
    ):
        make()
        with pytest.raises(Unavailable) as caught:
            use(url)
        assert says in str(caught.value)
        assert HUSH not in str(caught.value)


def test_service_file(
    postgresql_server: PostgreSQL, postgresql_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL a service of libpq's file may have all of it, the password included."""
    url = make_url(postgresql_url)
    file = tmp_path / "services"
    file.write_text(
        f"[state]\nhost={url.host}\nport={url.port}\ndbname={url.database}\nuser={USER}\npassword={PASSWORD}\n"
    )
    monkeypatch.setenv("PGSERVICEFILE", str(file))
    use("postgresql://?service=state")


def test_option_file(
    mariadb_server: MariaDB, mariadb_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On MariaDB user and password are read from the file that the URL names, and from no other."""
    url = make_url(mariadb_url)
    file = tmp_path / ".my.cnf"
    file.write_text(f"[client]\nuser={USER}\npassword={PASSWORD}\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    for path in (file, "~/.my.cnf"):
        use(f"mariadb://127.0.0.1:{url.port}/{url.database}?read_default_file={path}")
    with pytest.raises(AccessDenied):
        use(without_password(mariadb_server, str(url.database)))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "No such file or directory"),
        (f"!includedir /etc/mysql/conf.d/\n[client]\npassword={HUSH}\n", "line 1: comes before the first section"),
        (f"password={HUSH}\n", "line 1: comes before the first section"),
        (f"[client]\npassword={HUSH}\npassword={HUSH}\n", "line 3: is there already"),
        (f"[client]\n[client]\npassword={HUSH}\n", "line 2: is there already"),
        (f"[client]\n={HUSH}\n", "line 2: cannot be parsed"),
        (f"[client-mariadb]\npassword={HUSH}\n", "has no section [client]"),
        (f"[client]\nport={HUSH}\n", "port is not a number"),
        ("[client]\nport=\n", "port is not a number"),
        (f"[client]\npassword={HUSH}\udcff\n", "not UTF-8"),
    ],
)
def test_option_file_that_the_driver_cannot_read(tmp_path: Path, text: str | None, says: str) -> None:
    """A file that the driver would pass over, or fail at, is an error that names the line, and not the password."""
    file = tmp_path / "my.cnf"
    if text is not None:
        file.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(Unavailable) as caught:
        use(f"mariadb://127.0.0.1/x?read_default_file={file}")
    assert f"option file {file}: {says}" in str(caught.value)
    assert HUSH not in "".join(traceback.format_exception(caught.value))


def test_option_file_in_use(mariadb_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An option file may have server and database, too, in the section that the URL names; the commands take it."""
    url = make_url(mariadb_url)
    file = tmp_path / ".my.cnf"
    file.write_text(
        f"# mine\n[mysqld]\nskip-networking\n[persistdb]\nhost=127.0.0.1\nport={url.port}\n"
        f'user = "{USER}"\npassword = "{PASSWORD}"\n'
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    options = "read_default_file=~/.my.cnf&read_default_group=persistdb"
    given = f"mariadb:///{url.database}?{options}"
    use(given)
    assert main(["--db", given, "db", "check"]) == 0
    with file.open("a") as more:
        more.write(f"database={url.database}\n")
    assert main(["--db", f"mariadb://?{options}", "db", "check"]) == 0


def test_option_file_with_tls(mariadb_server: MariaDB, mariadb_url: str, tmp_path: Path) -> None:
    """A CA in the file that the URL names is asked for, also where the URL names no host."""
    url = make_url(mariadb_url)
    file = tmp_path / "options"
    file.write_text(
        f"[client]\nhost=127.0.0.1\nport={url.port}\nuser={USER}\npassword={PASSWORD}\nssl-ca={tmp_path}/absent.pem\n"
    )
    with pytest.raises(PersistDBError) as caught:
        use(f"mariadb:///{url.database}?read_default_file={file}")
    assert "No such file" in str(caught.value) or "TLS" in str(caught.value)


def test_options_hold_the_password(
    postgresql_server: PostgreSQL, postgresql_url: str, mariadb_server: MariaDB, mariadb_url: str
) -> None:
    """A password that is an option of the URL is used, as the one before the host is."""
    for server, url in ((postgresql_server, postgresql_url), (mariadb_server, mariadb_url)):
        name = str(make_url(url).database)
        plain = f"{without_password(server, name)}?password={quote(PASSWORD, safe='')}"
        with Database(plain) as database, database.session() as session:
            assert session.execute(text("SELECT 1")).scalar_one() == 1
