"""``config``: the settings that hold, and where each comes from."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from ..errors import BadURL
from ..places import default_file, is_path, reports_folder
from .columns import Column
from .options import row_options
from .output import print_rows
from .settings import KEYS
from .target import Target, pass_target

if TYPE_CHECKING:
    from .output import Output

_COLUMNS = (Column("key", "KEY"), Column("value", "VALUE", shrinks=True), Column("source", "FROM", shrinks=True))
_OPTIONS = {
    "url": "--db",
    "reader_url": "--reader-url",
    "replica_url": "--replica",
    "host": "--host",
    "log_format": "--log-format",
}


@click.command(
    "config",
    epilog="""\b
Examples:
  persistdb config
  persistdb --db state.db config      what a command with these options would use

\b
Configuration files: /etc/persistdb/config.toml, and persistdb/config.toml in
$XDG_CONFIG_HOME or ~/.config, which outweighs it. PERSISTDB_CONFIG names one in
the place of both. Environment variables outweigh files, and options everything.
For example:
  url = "postgresql://agent@db.example/fleet"
  host = "node-1"
Keys: url, reader_url, host (as the options), replica_url (as --replica),
reports (the folder of --reports), timeout (seconds, of report and sql),
no_trunc (true or false, of tables), log_format ("text" or "json").
""",
)
@row_options(*(column.name for column in _COLUMNS))
@pass_target
@click.pass_context
def config(ctx: click.Context, target: Target, output: Output) -> None:
    """Show the settings that hold, and where each comes from.

    They come from configuration files, the environment and options. Passwords are not shown.
    """
    print_rows("settings", _COLUMNS, [(key, *_effective(ctx, target, key)) for key in KEYS], output)


def _effective(ctx: click.Context, target: Target, key: str) -> tuple[object, str]:
    """Return a setting's value, as people may see it, and where it comes from."""
    root = ctx.find_root()
    given = target.settings.values.get(key)
    source, variable = str(target.settings.files.get(key, "default")), f"PERSISTDB_{key.upper()}"
    if key in root.params:
        # of the target, for a reader's or a replica's URL may not hold
        given = getattr(target, key, root.params[key])
        kind = root.get_parameter_source(key)
        if kind is ParameterSource.COMMANDLINE:
            source = _OPTIONS[key]
        elif kind is ParameterSource.ENVIRONMENT:
            source = variable
    elif key == "reports" and os.environ.get(variable):
        given, source = os.environ[variable], variable
    if given is None:
        return _default(key), "default"
    return (_without_password(str(given)) if key in ("url", "reader_url", "replica_url") else given), source


def _default(key: str) -> object:
    if key == "url":
        return str(default_file())
    if key == "host":
        return socket.gethostname()
    return str(reports_folder()) if key == "reports" else KEYS[key].default


def _without_password(text: str) -> str:
    if is_path(text):
        return text
    from ..engines import resolve, shown

    try:
        backend, url = resolve(text)
    except BadURL as error:
        return f"{error.url} (cannot be used: {error.reason})"
    return shown(url.set(drivername=backend.name))
