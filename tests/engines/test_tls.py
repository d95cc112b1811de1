"""TLS to servers, with a CA of the test's own: required and verified as the URL says, or no connection."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from persistdb import AccessDenied, BadURL, ContainerRepository, Database, Timeouts, TLSError
from persistdb.errors import DatabaseError
from tests import needs
from tests.conftest import SERVERS
from tests.servers import HUSH, MariaDB, PostgreSQL

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers import Server, Workspace

# What the options of each engine are for: the CA's file is put in the place of {ca}.
VERIFIED = {
    "postgresql": ["sslmode=verify-full&sslrootcert={ca}"],
    "mariadb": [
        "ssl_ca={ca}",
        "ssl_ca={ca}&ssl_verify_identity=true",
        "ssl_ca={ca}&ssl_verify_cert=true&ssl_verify_identity=1",
        "ssl_ca={ca}&ssl_disabled=false",
    ],
}
ANY_NAME = {
    "postgresql": ["sslmode=verify-ca&sslrootcert={ca}", "sslmode=require&sslrootcert={ca}"],
    "mariadb": ["ssl_ca={ca}&ssl_verify_identity=false", "ssl_ca={ca}&ssl_verify_identity=0&ssl_verify_cert=true"],
}
ENCRYPTED = {"postgresql": ["sslmode=require"], "mariadb": ["ssl_verify_cert=false"]}
# Without a CA the system's are asked, which do not know ours.
OF_THE_SYSTEM = {
    "postgresql": ["sslmode=verify-full&sslrootcert=system"],
    "mariadb": ["ssl_verify_cert=true", "ssl_verify_identity=true", "ssl_disabled=false", "ssl_cipher=DEFAULT"],
}
PLAIN = {"postgresql": "sslmode=disable", "mariadb": "ssl_disabled=true"}
SESSION = {
    "postgresql": "SELECT ssl, coalesce(version, '') FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
    "mariadb": "SHOW STATUS LIKE 'Ssl_version'",
}


@dataclass(frozen=True)
class Certificates:
    """A CA with a server's certificate for "localhost", and a CA that has nothing to do with it."""

    folder: Path

    def path(self, name: str) -> Path:
        """Return the path of a file."""
        return self.folder / name


def _openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Make the CAs and the certificate."""
    needs.program("openssl", package="openssl")
    folder = tmp_path_factory.mktemp("tls")
    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")
    for ca in ("ca", "other"):
        _openssl(folder, "req", "-x509", *new, "-subj", f"/CN={ca}", "-keyout", f"{ca}.key", "-out", f"{ca}.pem")
    _openssl(folder, "req", *new[:-2], "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr")
    (folder / "names").write_text("subjectAltName=DNS:localhost\n")
    signed = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names")
    _openssl(folder, "x509", "-req", "-in", "server.csr", *signed, "-out", "server.pem")
    return Certificates(folder)


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest, server_workspace: Workspace, certificates: Certificates) -> Iterator[Server]:
    """Start a server of each kind that offers TLS."""
    kind = {"postgresql": PostgreSQL, "mariadb": MariaDB}[request.param]
    server = needs.started(lambda: kind.private(server_workspace))
    account = server.daemon.account
    folder = server_workspace.folder("tls", account)
    for name in ("server.pem", "server.key", "ca.pem"):
        copy = shutil.copy(certificates.path(name), folder)
        os.chmod(copy, 0o600)
        if os.geteuid() == 0:
            os.chown(copy, account.uid, account.gid)
    if kind is PostgreSQL:
        server.restart(ssl="on", ssl_cert_file=folder / "server.pem", ssl_key_file=folder / "server.key")
    else:
        files = {"ssl-ca": "ca.pem", "ssl-cert": "server.pem", "ssl-key": "server.key"}
        server.restart(**{option: folder / name for option, name in files.items()})
    yield server
    server.close()


@pytest.fixture(scope="module")
def name(server: Server) -> str:
    """Create a database."""
    return server.create_database()


def open_(server: Server, name: str, options: str, *, host: str = "localhost") -> tuple[bool, str]:
    """Connect with options, and return whether the server says that the session is encrypted, with its version."""
    url = server.url(name).replace("@127.0.0.1", f"@{host}") + f"?{options}"
    with Database(url, retries=0, timeouts=Timeouts(connect=10.0, call=20.0)) as database:
        ContainerRepository(database, host="n").count()
        with database.session() as session:
            row = session.execute(text(SESSION[server.dialect])).one()
    return bool(row[1]), str(row[1])


def refused(server: Server, name: str, options: str, *, host: str = "localhost") -> str:
    """Return the message of the refusal to connect."""
    with pytest.raises(TLSError) as caught:
        open_(server, name, options, host=host)
    message = str(caught.value)
    assert "TLS" in message
    assert "\n" not in message
    assert HUSH not in message + repr(caught.value)
    return message


def test_the_right_ca(server: Server, name: str, certificates: Certificates) -> None:
    """With the CA that signed the server's certificate the session is encrypted, by the server's own account."""
    for options in VERIFIED[server.dialect] + ANY_NAME[server.dialect] + ENCRYPTED[server.dialect]:
        encrypted, version = open_(server, name, options.format(ca=certificates.path("ca.pem")))
        assert encrypted, options
        assert version in {"TLSv1.2", "TLSv1.3"}
    assert not open_(server, name, PLAIN[server.dialect])[0]


def test_a_wrong_ca(server: Server, name: str, certificates: Certificates) -> None:
    """With another CA, or the system's, nothing is connected, and the error names TLS and the certificate."""
    for options in VERIFIED[server.dialect] + ANY_NAME[server.dialect]:
        assert "certificate verify failed" in refused(
            server, name, options.format(ca=certificates.path("other.pem"))
        ), options
    for options in OF_THE_SYSTEM[server.dialect]:
        assert "certificate verify failed" in refused(server, name, options), options


def test_a_wrong_host_name(server: Server, name: str, certificates: Certificates) -> None:
    """A server whose certificate is for another name is refused, unless the URL leaves the name unverified."""
    ca = certificates.path("ca.pem")
    for options in VERIFIED[server.dialect]:
        message = refused(server, name, options.format(ca=ca), host="127.0.0.1")
        assert "does not match host name" in message or "IP address mismatch" in message, options
    for options in ANY_NAME[server.dialect] + ENCRYPTED[server.dialect]:
        assert open_(server, name, options.format(ca=ca), host="127.0.0.1")[0], options


def test_files_that_are_missing(server: Server, name: str, certificates: Certificates, tmp_path: Path) -> None:
    """A CA or client certificate that cannot be read is an error that names the file."""
    ca, absent = certificates.path("ca.pem"), tmp_path / "absent.pem"
    (tmp_path / "empty.pem").write_text("")
    for options in VERIFIED[server.dialect]:
        assert str(absent) in refused(server, name, options.format(ca=absent))
    if server.dialect == "mariadb":  # libpq does without a client's certificate that is missing
        assert str(absent) in refused(server, name, f"ssl_ca={ca}&ssl_cert={absent}")
        assert "empty.pem" in refused(server, name, f"ssl_ca={tmp_path}/empty.pem")
        assert "ssl_cipher" in refused(server, name, "ssl_cipher=none-of-these")


def test_a_key_with_a_password(server: Server, name: str, certificates: Certificates, tmp_path: Path) -> None:
    """The password of a client's key is read from the URL, shown nowhere, and not asked for at the terminal."""
    ca, key, pem = certificates.path("ca.pem"), tmp_path / "client.key", certificates.path("server.pem")
    plain = str(certificates.path("server.key"))
    _openssl(tmp_path, "ec", "-in", plain, "-aes256", "-passout", "pass:hush", "-out", str(key))
    key.chmod(0o600)
    if server.dialect == "postgresql":
        options = f"sslmode=verify-full&sslrootcert={ca}&sslcert={pem}&sslkey={key}"
        password = "sslpassword"
    else:
        options, password = f"ssl_ca={ca}&ssl_cert={pem}&ssl_key={key}", "ssl_key_password"
    assert open_(server, name, f"{options}&{password}=hush")[0]
    refused(server, name, options)
    url = f"{server.url(name)}?{options}&{password}=hush"
    with Database(url) as database:
        assert f"{password}=***" in database.url
        engine = database.engine
        assert HUSH not in repr(database) + repr(engine) + repr(engine.pool) + repr(engine.url.query)


def test_a_server_without_tls(certificates: Certificates, plain_server: Server) -> None:
    """Where TLS is required a server without it is refused, before the password is sent."""
    server, name = plain_server, plain_server.create_database()
    every = [*VERIFIED[server.dialect], *ANY_NAME[server.dialect], *ENCRYPTED[server.dialect]]
    for options in every:
        message = refused(server, name, options.format(ca=certificates.path("ca.pem")))
        assert "support S" in message or "support it" in message, options
    assert not open_(server, name, PLAIN[server.dialect])[0]
    server.drop_database(name)


@pytest.fixture(params=SERVERS)
def plain_server(request: pytest.FixtureRequest) -> Server:
    """Use each of the shared servers, which have no TLS."""
    found: Server = request.getfixturevalue(f"{request.param}_server")
    if not found.ours:
        pytest.skip("a server that was given by URL may have TLS")
    found.start()  # a failed test may have left it stopped
    return found


def test_a_server_that_requires_tls(server: Server, name: str, certificates: Certificates) -> None:
    """A server that takes encrypted sessions only refuses others; PostgreSQL's error names TLS."""
    if server.dialect == "postgresql":
        hba = server.data / "pg_hba.conf"
        before = hba.read_text()
        hba.write_text(before.replace("host  all", "hostssl  all"))
        server.execute("SELECT pg_reload_conf()")
    else:
        server.execute("SET GLOBAL require_secure_transport = ON")
    try:
        # MariaDB answers as to a wrong password
        with pytest.raises(TLSError if server.dialect == "postgresql" else AccessDenied):
            open_(server, name, PLAIN[server.dialect])
        assert open_(server, name, VERIFIED[server.dialect][0].format(ca=certificates.path("ca.pem")))[0]
    finally:
        if server.dialect == "postgresql":
            hba.write_text(before)
            server.execute("SELECT pg_reload_conf()")
        else:
            server.execute("SET GLOBAL require_secure_transport = OFF")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:hush@h/d?sslmode=verify_full",
        "postgresql://u:hush@h/d?sslmode=",
        "postgresql://u:hush@h/d?ssl_ca=/x",
        "postgresql://u:hush@h/d?sslrootcert=",
        "postgresql://u:hush@h/d?sslrootcrt=/x",
        "mariadb://u:hush@h/d?ssl=true",
        "mariadb://u:hush@h/d?sslmode=verify-full",
        "mariadb://u:hush@h/d?ssl_check_hostname=true",
        "mariadb://u:hush@h/d?ssl_verify_certificate=true",
        "mariadb://u:hush@h/d?ssl_verify_cert=yess",
        "mariadb://u:hush@h/d?ssl_verify_identity=",
        "mariadb://u:hush@h/d?ssl_ca=&connect_timeout=1",
        "mariadb://u:hush@h/d?ssl_ca",
        "mariadb://u:hush@h/d?ssl_disabled=true&ssl_ca=/x",
        "mariadb://u:hush@h/d?ssl_disabled=true&ssl_verify_cert=true",
        "mariadb://u:hush@h/d?ssl_verify_cert=false&ssl_verify_identity=true",
        "mariadb://u:hush@h/d?ssl_disabled=true&ssl_disabled=false",
    ],
)
def test_options_that_are_no_options(url: str) -> None:
    """An option of TLS that is misspelt, has a wrong value or contradicts another is BadURL, in one line."""
    with pytest.raises(BadURL) as caught:
        Database(url)
    message = str(caught.value)
    assert "option" in message
    assert HUSH not in message
    assert "\n" not in message


def test_no_options(server: Server, name: str) -> None:
    """Without any option PostgreSQL's sessions are encrypted where the server can, MariaDB's not on the loopback."""
    assert open_(server, name, "")[0] == (server.dialect == "postgresql")
    with pytest.raises(DatabaseError) as caught:
        open_(server, "nowhere", "")
    assert not isinstance(caught.value, TLSError)
