"""``demo``: the main job on a bundled sample, each step with the command or the Python that does it."""

from __future__ import annotations

import shlex
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import PersistDBError
from ..runtimes.samples import KATA
from .messages import complain, printable
from .output import Column, print_table
from .program import program
from .status import DONE, IN_PART
from .target import Target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..store.session import Database

_HOST = "node-1"
_STORE = Path("run", "vc", "sbs")
_SID = "6d7c0f0a3d5d2b9b4c6a1f9e8d7c6b5a4f3e2d1c0b9a8f7e6d5c4b3a2f1e0d9c"
_CID = "0a9b8c7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a1b0c9d8e7f6a5b4c3d2e1f0a9b"
_SQL = "SELECT cid, state, device_id, container_path, mode FROM devices ORDER BY container_path"


@click.command(
    "demo",
    epilog="""\b
Examples:
  persistdb demo
  persistdb demo --keep /tmp/demo    and leave its files there, to go on with
""",
)
@click.option("--keep", metavar="DIR", help="Work in this new folder and leave it there.")
def demo(keep: str | None) -> int:
    """See persistdb at work, with nothing to set up.

    A sandbox of three containers, as Kata 3.29 writes it, goes into a new SQLite database, is looked at, changed, and
    written back. It all happens in a temporary folder.
    """
    with _folder(keep) as folder:
        return _Demo(folder).run()


@contextmanager
def _folder(keep: str | None) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="persistdb-demo-") as name:
            yield Path(name)
        return
    folder = Path(keep)
    folder.mkdir(mode=0o700, parents=True)
    yield folder
    click.echo(f"The demo's database and files are in {printable(keep)}.")


class _Demo:
    def __init__(self, folder: Path) -> None:
        from ..engines import file_url

        self._url = file_url(folder / "demo.db")
        self._out = folder / "sbs"
        self._step = 0

    def run(self) -> int:
        """Go through the steps; gives the exit status."""
        self._say("Kata Containers keeps what it must remember of each container in a persist.json file.")
        click.echo(f"Here are those of a pod's sandbox with three containers:\n  {KATA / _STORE}")
        click.echo("The database and the host that is meant, for all that follows:")
        self._shown(f"$ export PERSISTDB_URL={shlex.quote(self._url)} PERSISTDB_HOST={_HOST}")
        self._command("Take them into a database", "import", str(KATA))
        self._command("What is there?", "ls")
        self._command("Everything about one container; the beginning of its ID will do", "show", _CID[:4])
        self._query()
        self._transition()
        self._command("Write Kata's files back", "export", "--to", str(self._out))
        return self._compare()

    def _say(self, text: str) -> None:
        self._step += 1
        click.secho(f"\n{self._step}. {text}", bold=True)

    def _shown(self, code: str) -> None:
        for line in code.splitlines():
            click.secho(f"  {printable(line)}", fg="cyan")

    def _command(self, text: str, *arguments: str) -> None:
        self._say(text)
        self._shown(f"$ {shlex.join(['persistdb', *arguments])}")
        click.echo()
        program.main(["--db", self._url, "--host", _HOST, *arguments], prog_name="persistdb", standalone_mode=False)

    def _query(self) -> None:
        from sqlalchemy import text

        self._say("It is a database, open to every question: which device is where?")
        self._shown(">>> from persistdb import ContainerRepository, Database\n>>> from sqlalchemy import text")
        self._shown(">>> database = Database()")
        self._shown(f'>>> with database.session() as session:\n...     session.execute(text("{_SQL}"))')
        click.echo()
        with self._database() as database, database.session() as session:
            found = session.execute(text(_SQL))
            names, rows = found.keys(), found.all()
        columns = [Column(name, name.upper(), is_id=name == "cid") for name in names]
        print_table(columns, [tuple(row) for row in rows])

    def _transition(self) -> None:
        from ..store.repository import ContainerRepository

        self._say("Change a state: only if it is what you think it is, and only as Kata allows")
        self._shown(f'>>> repository = ContainerRepository(database, host="{_HOST}")')
        self._shown(f'>>> sid, cid = "{_SID[:12]}…", "{_CID[:12]}…"')
        with self._database() as database:
            repository = ContainerRepository(database, host=_HOST)
            for new, expected in (("paused", "running"), ("running", "paused"), ("paused", "stopped")):
                self._shown(f'>>> repository.transition(sid, cid, "{new}", expected="{expected}")')
                try:
                    repository.transition(_SID, _CID, new, expected=expected)
                except PersistDBError as error:
                    click.echo(f"  refused: {error}")
                else:
                    state = repository.get(_SID, _CID)
                    click.echo(f"  done: {state.record.state}, revision {state.revision}")

    @contextmanager
    def _database(self) -> Iterator[Database]:
        with Target(self._url, _HOST).database() as database:
            yield database

    def _compare(self) -> int:
        self._say("Compare them with what Kata wrote, byte for byte")
        self._shown(f"$ {shlex.join(['diff', '-r', str(KATA / _STORE), str(self._out)])}")
        click.echo()
        before, after = _contents(KATA / _STORE), _contents(self._out)
        for name in sorted(before):
            click.echo(f"  {'identical' if before[name] == after.get(name) else 'DIFFERENT'}  {_shortened(name)}")
        if before != after:
            complain("they differ: this is a defect of persistdb's")
            return IN_PART
        click.echo(f"\nAll {len(before)} files came back as they were. Next: persistdb import /run/vc/sbs")
        return DONE


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _shortened(name: str) -> str:
    return "/".join(part if len(part) <= 20 else f"{part[:12]}…" for part in name.split("/"))
