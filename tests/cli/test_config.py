"""Configuration files: what outweighs what, what is refused, and what ``config`` shows."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, NamedTuple

import pytest

from persistdb import ContainerRepository, ContainerState, Database, SandboxState, places
from persistdb.cli import main, settings
from persistdb.cli.options import timeout_option
from persistdb.runtimes.samples import KATA
from tests.docs.blocks import ROOT
from tests.servers import HUSH

from .program import RUN, commands_with

if TYPE_CHECKING:
    from pathlib import Path


class Files(NamedTuple):
    """The system's and the user's configuration file, neither of which exists yet."""

    system: Path
    own: Path


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Files:
    """Put the places of both files into folders of this test, and nothing into the environment."""
    for name in ("CONFIG", "URL", "HOST", "READER_URL", "REPLICA_URL", "REPORTS"):
        monkeypatch.delenv(f"PERSISTDB_{name}", raising=False)
    found = Files(tmp_path / "etc/config.toml", tmp_path / "home/.config/persistdb/config.toml")
    for file in found:
        file.parent.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setattr(places, "SYSTEM_CONFIG", found.system)
    return found


def _write(file: Path, text: str, mode: int = 0o644) -> None:
    file.write_text(text)
    file.chmod(mode)


def _shown(capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, tuple[object, str]]:
    """Return what ``config`` shows: the value of each key, and where it is from."""
    capsys.readouterr()
    assert main([*options, "config", "--format", "json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return {row["key"]: (row["value"], row["source"]) for row in json.loads(out)["rows"]}


def test_order(
    files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The user's file outweighs the system's, the environment both, and an option everything."""
    _write(files.system, f'url = "{tmp_path}/system.db"\nhost = "from-system"\ntimeout = 5\n')
    assert _shown(capsys)["host"] == ("from-system", str(files.system))
    _write(files.own, 'host = "from-user"\n')
    assert _shown(capsys)["host"] == ("from-user", str(files.own))
    monkeypatch.setenv("PERSISTDB_HOST", "from-environment")
    assert _shown(capsys)["host"] == ("from-environment", "PERSISTDB_HOST")
    shown = _shown(capsys, "--host", "typed")
    assert shown["host"] == ("typed", "--host")
    assert shown["url"] == (f"{tmp_path}/system.db", str(files.system))
    assert shown["timeout"] == (5, str(files.system))
    monkeypatch.setenv("PERSISTDB_HOST", "")
    assert _shown(capsys)["host"] == ("from-user", str(files.own))


def test_without_files(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    """Without files the defaults hold, those of the options."""
    shown = _shown(capsys)
    assert {source for _, source in shown.values()} == {"default"}
    assert shown["url"][0] == str(places.default_file())
    assert shown["reports"][0] == str(places.reports_folder())
    (option,) = timeout_option(lambda: None).__click_params__  # type: ignore[attr-defined]
    assert shown["timeout"][0] == settings.KEYS["timeout"].default == option.default


def test_other_places(files: Files, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """XDG_CONFIG_HOME moves the user's file, and PERSISTDB_CONFIG names one in the place of both."""
    _write(files.system, "timeout = 5\n")
    _write(files.own, "timeout = 6\n")
    other = files.own.parents[3] / "xdg"
    (other / "persistdb").mkdir(parents=True)
    _write(other / "persistdb/config.toml", "timeout = 7\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(other))
    assert _shown(capsys)["timeout"][0] == 7
    monkeypatch.setenv("XDG_CONFIG_HOME", "xdg")
    monkeypatch.chdir(other.parent)
    assert _shown(capsys)["timeout"][0] == 5  # one that is relative is ignored
    monkeypatch.setenv("PERSISTDB_CONFIG", os.devnull)
    assert _shown(capsys)["timeout"] == (30, "default")
    monkeypatch.setenv("PERSISTDB_CONFIG", "absent.toml")
    assert main(["ls"]) == 3
    assert capsys.readouterr().err == "persistdb: absent.toml: No such file or directory\n"


def test_every_key_is_used(files: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The database, the host, the folder of reports and the limits of the files are those of the commands."""
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports/mine.sql").write_text("-- title: Mine\nSELECT 1 AS one\n")
    _write(
        files.own,
        f'url = "~/state.db"\nhost = "node-9"\nreports = "{tmp_path}/reports"\ntimeout = 0.001\nno_trunc = true\n',
    )
    assert main(["import", str(KATA)]) == 0
    assert "~" not in capsys.readouterr().out
    with Database(f"sqlite:///{tmp_path}/home/state.db") as database:
        assert ContainerRepository(database, host="node-9").count() == 3
    assert main(["ls", "-q"]) == 0
    assert main(["report"]) == 0
    assert "mine" in capsys.readouterr().out.split()
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    assert main(["sql", endless]) == 3
    assert "longer than its timeout" in capsys.readouterr().err


def test_a_key_is_the_default_of_every_command() -> None:
    """A key that is the default of an option is that of each command which has the option."""
    for key in settings.KEYS.values():
        for parameter in {parameter for command, parameter in key.options if command}:
            assert {command for command, _ in key.options} == commands_with(parameter)


def test_each_engine(files: Files, database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The URL of a file opens a database on each engine, and its password is in no output."""
    _write(files.own, f"url = {json.dumps(database_url)}\nhost = 'node-9'\n", 0o600)
    for words in (["import", str(KATA)], ["ls", "-q"], ["db", "check"], ["config"]):
        assert main(["-vv", *words]) == 0
    out, err = capsys.readouterr()
    assert "imported 1 sandbox with 3 containers" in out
    assert HUSH not in out + err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('ulr = "x.db"', "unknown key 'ulr'; the keys are url, reader_url, replica_url, host, "),
        ("[url]\nx = 1", 'url: must be a string: "…"'),
        ("url = 7", 'url: must be a string: "…"'),
        ('url = ""', 'url: must be a string: "…"'),
        ('url = "state.db"', "url: must be an absolute path, or begin with ~/"),
        ('reports = "reports"', "reports: must be an absolute path, or begin with ~/"),
        ("host = true", 'host: must be a string: "…"'),
        ('timeout = "30"', "timeout: must be a number of seconds from 0.001 to 1000000"),
        ("timeout = 0", "timeout: must be a number of seconds"),
        ("timeout = nan", "timeout: must be a number of seconds"),
        ("timeout = true", "timeout: must be a number of seconds"),
        ("no_trunc = 1", "no_trunc: must be true or false"),
        ("host = ", "not TOML: "),
        ('host = "a"\nhost = "b"', "not TOML: "),
        ('host = "\udcff"', "not UTF-8: "),
    ],
)
def test_faults(files: Files, capsys: pytest.CaptureFixture[str], text: str, says: str) -> None:
    """An unknown key and a value of the wrong kind are misuse, in one line that names the file and the key."""
    files.own.write_bytes(text.encode(errors="surrogateescape"))
    assert main(["ls"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"persistdb: {files.own}: {says}")
    assert err.count("\n") == 1


def test_help_and_demo_work_with_any(
    files: Files, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A fault of a file keeps nobody from the help, and changes nothing of the demonstration."""
    _write(files.own, "no TOML")
    for words in (["ls", "--help"], ["config", "--help"], ["--version"], ["completion", "bash"], ["demo"]):
        assert main(words) == 0
        assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("line", "holds"),
    [
        ('url = "postgresql://agent:secret@db.example/fleet"', True),
        ('reader_url = "mariadb://u:s@h/x"', True),
        ('url = "postgresql://a@b:secret@h/x"', True),
        ('url = "postgresql://h/x?password=secret"', True),
        ('url = "postgresql://h/x?pass%77ord=secret"', True),
        ('url = "mariadb://h/x?ssl_key_password=secret"', True),
        ('url = "agent:secret@db.example"', True),
        ('url = "postgresql://agent@db.example/fleet?passfile=/etc/persistdb/pgpass"', False),
        ('url = "postgresql://db.example:5432/fleet"', False),
        ('url = "sqlite:////srv/a@b.db"', False),
        ('url = "/srv/a:b@c.db"', False),
    ],
)
@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_passwords(files: Files, capsys: pytest.CaptureFixture[str], line: str, holds: bool, mode: int) -> None:
    """A file with a password that others may read is refused, with the command that mends it, and shown without it."""
    _write(files.own, f"{line}\n", mode)
    assert main(["config"]) == (2 if holds else 0)
    err = capsys.readouterr().err
    wanted = f"persistdb: {files.own}: holds a password, and others may read it; to mend it: chmod 600 {files.own}\n"
    assert err == (wanted if holds else "")
    files.own.chmod(0o600)
    assert main(["config"]) == 0
    out, err = capsys.readouterr()
    assert "secret" not in out
    assert err == ""


def test_mending_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The command that a refusal names mends the file, whatever its name."""
    odd = tmp_path / "it's odd"
    odd.mkdir()
    file = odd / "c.toml"
    monkeypatch.setenv("PERSISTDB_CONFIG", str(file))
    _write(file, 'url = "postgresql://u:secret@h/x"\n', 0o666)
    for told in ("others may change it", "others may read it"):
        assert main(["config"]) == 2
        err = capsys.readouterr().err
        assert told in err
        subprocess.run(["sh", "-c", err.partition("to mend it: ")[2]], check=True)
    assert main(["config"]) == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")
def test_a_third_users_file(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    """A file of somebody who is neither the user nor root is refused."""
    _write(files.own, 'host = "node-1"\n', 0o600)
    os.chown(files.own, 65534, -1)
    assert main(["config"]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"persistdb: {files.own}: belongs to user 65534, and must be yours or root's; ")


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="root can read every file, and take away its own rights")
def test_a_file_that_may_not_be_read(files: Files, tmp_path: Path) -> None:
    """A file that this user may not read is an error, unless the database is named elsewhere, and not the file."""
    _write(files.system, f'url = "{tmp_path}/secret.db"\n', 0o600)
    script = (
        "import os, sys; from pathlib import Path; from persistdb import places; from persistdb.cli import main;"
        f" places.SYSTEM_CONFIG = Path({str(files.system)!r}); import persistdb.cli.program, persistdb.cli.config;"
        " import persistdb.engines, platformdirs; os.setgid(65534); os.setuid(65534); sys.exit(main())"
    )
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    command = [RUN[0], "-c", script]
    done = subprocess.run([*command, "config"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == f"persistdb: {files.system}: this user may not read it; name the database with --db\n"
    done = subprocess.run([*command, "--db", "x.db", "config"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    named = {**os.environ, "PERSISTDB_CONFIG": str(files.system)}
    done = subprocess.run([*command, "--db", "x.db", "config"], env=named, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (3, f"persistdb: {files.system}: Permission denied\n")


def test_no_file(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder or a FIFO in the place of a file is refused, and waited for by nobody."""
    os.mkfifo(files.own)
    assert main(["config"]) == 3
    assert capsys.readouterr().err == f"persistdb: {files.own}: not a regular file\n"
    files.own.unlink()
    files.own.mkdir()
    assert main(["config"]) == 3
    assert capsys.readouterr().err == f"persistdb: {files.own}: Is a directory\n"


@pytest.mark.parametrize("key", ["reader_url", "replica_url"])
def test_reader_of_another_database(
    files: Files, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], key: str
) -> None:
    """A reader's or a replica's URL counts only for a database that is not named in a place that outweighs its own."""
    _write(files.system, f'url = "postgresql://h/x"\n{key} = "postgresql://reader@h/x"\n')
    assert _shown(capsys)[key] == ("postgresql://reader@h/x", str(files.system))
    assert _shown(capsys, "--db", "x.db")[key] == (None, "default")
    monkeypatch.setenv("PERSISTDB_URL", "x.db")
    assert _shown(capsys)[key] == (None, "default")
    monkeypatch.delenv("PERSISTDB_URL")
    _write(files.own, 'url = "/srv/x.db"\n')
    assert _shown(capsys)[key] == (None, "default")
    _write(files.own, 'host = "node-2"\n')
    assert _shown(capsys)[key][0] == "postgresql://reader@h/x"


def test_a_url_that_cannot_be_used(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    """``config`` shows also a URL that no command could use, and why."""
    _write(files.own, 'url = "oracle://u:secret@h/x"\n', 0o600)
    assert main(["config"]) == 0
    out = capsys.readouterr().out
    assert "oracle://u:***@h/x (cannot be used: " in out


@pytest.mark.slow
def test_completion(files: Files, tmp_path: Path) -> None:
    """What a shell completes is from the file's database, of its host; a file with a fault has no candidates."""
    with Database(f"sqlite:///{tmp_path}/state.db") as database:
        ContainerRepository(database, host="node-9").save_sandbox(SandboxState(sid="pod"), {"web": ContainerState()})
    file = tmp_path / "c.toml"
    _write(file, f'url = "{tmp_path}/state.db"\nhost = "node-9"\n')

    def complete(*words: str) -> list[str]:
        asks = {"_PERSISTDB_COMPLETE": "bash_complete", "COMP_WORDS": " ".join(["persistdb", *words])}
        environment = {**os.environ, **asks, "COMP_CWORD": str(len(words)), "PERSISTDB_CONFIG": str(file)}
        done = subprocess.run(RUN, env=environment, capture_output=True, text=True, check=True)
        assert done.stderr == ""
        return done.stdout.split()

    assert complete("show", "w") == ["plain,web"]
    _write(file, f'url = "{tmp_path}/state.db"\nhosts = "node-9"\n')
    assert complete("show", "w") == []
    assert complete("sh") == ["plain,show"]


def test_no_file_costs_no_parser(files: Files) -> None:
    """The parser of TOML is imported only where there is a file."""
    script = "import sys; from persistdb.cli import main; main(); print('tomllib' in sys.modules)"
    for there in (False, True):
        if there:
            _write(files.own, "timeout = 5\n")
        done = subprocess.run([RUN[0], "-c", script, "--version"], capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == str(there)


def test_documented(capsys: pytest.CaptureFixture[str]) -> None:
    """The reference has a row for each key, and the help of ``config`` names each."""
    page = (ROOT / "docs/reference/configuration.md").read_text("utf-8")
    assert main(["config", "--help"]) == 0
    told = capsys.readouterr().out
    assert [key for key in settings.KEYS if f"| `{key}` |" not in page or key not in told] == []
    (row,) = [row for row in (ROOT / "docs/json.md").read_text("utf-8").split("\n## ") if row.startswith("`settings`")]
    assert all(f"| `{key}` |" in row for key in ("key", "value", "source"))
