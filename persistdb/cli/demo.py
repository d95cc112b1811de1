"""``demo``: persistdb's main uses on a bundled sample, each step with its command or Python code."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import PersistDBError
from ..places import is_path
from ..private import make_private
from ..runtimes.samples import KATA
from . import messages
from .columns import Column
from .messages import complain, printable
from .output import print_line
from .program import program
from .status import DONE, IN_PART
from .tables import print_table
from .target import Target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..store.session import Database

_HOST = "node-1"
_STORE = Path("run", "vc", "sbs")
_SID = "6d7c0f0a3d5d2b9b4c6a1f9e8d7c6b5a4f3e2d1c0b9a8f7e6d5c4b3a2f1e0d9c"
_CID = "0a9b8c7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a1b0c9d8e7f6a5b4c3d2e1f0a9b"
_DEVICE = "d6a2f3c8b1e04a7f"
_SQL = "SELECT cid, state, device_id, container_path, mode FROM devices ORDER BY container_path"


@click.command(
    "demo",
    epilog="""\b
Examples:
  persistdb demo
  persistdb demo --keep /tmp/demo    keep its database and files
""",
)
@click.option("--keep", metavar="DIR", help="Work in this new folder, and keep it.")
def demo(keep: str | None) -> int:
    """Show persistdb at work, with nothing to set up.

    A sandbox of three containers, as Kata 3.29 writes it, is imported into a new SQLite database, queried, changed, and
    written back, all in a temporary folder.
    """
    with _folder(keep) as folder:
        return _Demo(folder, keep).run()


@contextmanager
def _folder(keep: str | None) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="persistdb-demo-") as name:
            yield Path(name)
        return
    folder = Path(keep)
    make_private(folder.parent)
    folder.mkdir(mode=0o700)
    yield folder
    print_line(f"The demo's database and files are in {keep}.")


class _Demo:
    def __init__(self, folder: Path, keep: str | None) -> None:
        from ..engines import file_url

        self._kept = None if keep is None else _path(Path(keep) / "demo.db")
        self._url = file_url(folder / "demo.db")
        self._out = folder / "sbs"
        self._step = 0

    def run(self) -> int:
        """Run the steps and return the exit status."""
        self._say("Kata Containers keeps the state of each container in a persist.json file.")
        click.echo(f"The files of a pod's sandbox with three containers:\n  {KATA / _STORE}")
        click.echo("The database and the host for all that follows:")
        self._print_code(f"$ export PERSISTDB_URL={shlex.quote(self._url)} PERSISTDB_HOST={_HOST}")
        self._command("Import them into a database", "import", str(KATA))
        self._command("List the containers", "ls")
        self._command("Show one container; a unique prefix of its ID is enough", "show", _CID[:4])
        self._query()
        self._transition()
        self._command("See what happened to it", "history", _CID[:4])
        self._command("Write the files back", "export", "--to", str(self._out))
        return self._compare()

    def _say(self, text: str) -> None:
        self._step += 1
        click.secho(f"\n{self._step}. {text}", bold=True)

    def _print_code(self, code: str) -> None:
        for line in code.splitlines():
            click.secho(f"  {printable(line)}", fg="cyan")

    def _command(self, text: str, *arguments: str) -> None:
        self._say(text)
        self._print_code(f"$ {shlex.join(['persistdb', *arguments])}")
        click.echo()
        words = ["--db", self._url, "--host", _HOST, *arguments]
        style = messages.style
        # what is in the configuration files would change what it shows
        program.main(words, prog_name="persistdb", standalone_mode=False, default_map={})
        messages.use(style)

    def _query(self) -> None:
        from sqlalchemy import text

        self._say("Ask any question in SQL: which device is where?")
        self._print_code(">>> from persistdb import ContainerRepository, Database\n>>> from sqlalchemy import text")
        self._print_code(">>> database = Database()")
        self._print_code(f'>>> with database.session() as session:\n...     session.execute(text("{_SQL}"))')
        click.echo()
        with self._database() as database, database.session() as session:
            result = session.execute(text(_SQL))
            names, rows = result.keys(), result.all()
        columns = [Column(name, name.upper(), is_id=name == "cid") for name in names]
        print_table(columns, [tuple(row) for row in rows])

    def _transition(self) -> None:
        from ..store.repository import ContainerRepository

        self._say("Change a state, if it is the expected one and Kata allows the change")
        self._print_code(f'>>> repository = ContainerRepository(database, host="{_HOST}")')
        self._print_code(f'>>> sid, cid = "{_SID[:12]}…", "{_CID[:12]}…"')
        with self._database() as database:
            repository = ContainerRepository(database, host=_HOST)
            for new, expected in (("paused", "running"), ("running", "paused"), ("paused", "stopped")):
                self._print_code(f'>>> repository.transition(sid, cid, "{new}", expected="{expected}")')
                try:
                    repository.transition(_SID, _CID, new, expected=expected)
                except PersistDBError as error:
                    print_line(f"  refused: {error}")
                else:
                    container = repository.get(_SID, _CID)
                    click.echo(f"  done: {container.record.state}, revision {container.revision}")

    @contextmanager
    def _database(self) -> Iterator[Database]:
        with Target(self._url, _HOST).database() as database:
            yield database

    def _compare(self) -> int:
        self._say("Compare them with Kata's files, byte for byte")
        self._print_code(f"$ {shlex.join(['diff', '-r', str(KATA / _STORE), str(self._out)])}")
        click.echo()
        before, after = _contents(KATA / _STORE), _contents(self._out)
        for name in sorted(before):
            click.echo(f"  {'identical' if before[name] == after.get(name) else 'DIFFERENT'}  {_shortened(name)}")
        if before != after:
            complain("the files differ: this is a defect of persistdb")
            return IN_PART
        click.echo(f"\nAll {len(before)} files came back as they were.")
        self._print_next()
        return DONE

    def _print_next(self) -> None:
        """Print commands that can be typed as they are, in the folder in which the demo was started."""
        run = f"{_command_name()} --db {shlex.quote(self._kept or 'sample.db')}"
        click.echo("\nNext, on the same sample:")
        if self._kept is None:
            self._print_code(f"$ {run} --host {_HOST} import --sample")
        for words in (
            f"ls --host {_HOST} state=running",
            f"report device-holders {_DEVICE}",
            "sql 'SELECT * FROM mounts'",
        ):
            self._print_code(f"$ {run} {words}")
        click.echo("And on a node with Kata:")
        self._print_code(f"$ {_command_name()} import /run/vc/sbs")


def _command_name() -> str:
    """Return the program as it was called: by its name where that is found, else by its path."""
    called = sys.argv[0]
    if os.path.basename(called) == "__main__.py":
        return f"{shlex.quote(sys.executable)} -m persistdb"
    found = shutil.which("persistdb")
    if os.path.basename(called) != "persistdb" or (found and os.path.realpath(found) == os.path.realpath(called)):
        return "persistdb"
    return shlex.quote(called)


def _path(path: Path) -> str:
    """Write a path so that --db takes it for one."""
    return str(path) if is_path(str(path)) and not str(path).startswith("~") else f"./{path}"


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _shortened(name: str) -> str:
    return "/".join(part if len(part) <= 20 else f"{part[:12]}…" for part in name.split("/"))
