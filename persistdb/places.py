"""Where files are, by what a user wrote or by default; light, for the sake of a command's start."""

from __future__ import annotations

import os
from pathlib import Path


def default_file() -> Path:
    """Return the usual SQLite file: below /var/lib for root, in the user's data folder for others."""
    if os.geteuid() == 0:
        folder = Path("/var/lib/persistdb")  # file-hierarchy(7): persistent data of a system program
    else:
        import platformdirs

        folder = platformdirs.user_data_path("persistdb")
    return folder / "persistdb.db"


SYSTEM_CONFIG = Path("/etc/persistdb/config.toml")
"""The system's configuration file."""


def config_files() -> list[Path]:
    """Return the places of configuration files: the system's, and the user's, which outweighs it.

    ``PERSISTDB_CONFIG`` names one in the place of both.
    """
    given = os.environ.get("PERSISTDB_CONFIG")
    if given:
        return [Path(given)]
    # by hand, for platformdirs would cost each command 5 ms
    folder = os.environ.get("XDG_CONFIG_HOME", "").strip() or os.path.expanduser("~/.config")
    own = Path(folder, "persistdb", SYSTEM_CONFIG.name)
    # a relative folder is to be ignored (XDG Base Directory Specification); it is one without a home, too
    return [SYSTEM_CONFIG, own] if own.is_absolute() else [SYSTEM_CONFIG]


def is_path(text: str) -> bool:
    """Return whether a text that names a database is a path rather than a URL: no colon before its first slash."""
    return ":" not in text.partition("/")[0]


def reports_folder() -> Path:
    """Return the folder of the user's reports: ``PERSISTDB_REPORTS``, else the platform's place for configuration."""
    given = os.environ.get("PERSISTDB_REPORTS")
    if given:
        return Path(given)
    if os.geteuid() == 0:
        return Path("/etc/persistdb/reports")  # file-hierarchy(7): configuration of a system program
    import platformdirs

    return platformdirs.user_config_path("persistdb") / "reports"


def sql_history() -> Path:
    """Return the file of the queries that a person typed, in the platform's place for a user's state."""
    import platformdirs

    return platformdirs.user_state_path("persistdb") / "sql_history"


def docs_folder() -> Path:
    """Return the folder of the documentation: within the installed package, or beside it in a checkout."""
    package = Path(__file__).parent
    installed = package / "docs"
    return installed if installed.is_dir() else package.parent / "docs"


def units_folder() -> Path:
    """Return the folder of systemd's units: within the installed package, or in a checkout."""
    package = Path(__file__).parent
    installed = package / "systemd"
    return installed if installed.is_dir() else package.parent / "packaging/systemd"
