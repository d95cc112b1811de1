"""The option file that a URL names (``read_default_file``), looked at before the driver reads it.

PyMySQL takes a file that is missing for an empty one, and then logs in as the system's user without a password. For a
file that it cannot parse it raises ``configparser``'s errors, which quote lines, the one with the password included.
"""

from __future__ import annotations

import configparser
import os
import re
from typing import TYPE_CHECKING, Any

from sqlalchemy import event

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.engine import URL

# CR_UNKNOWN_ERROR
_UNREADABLE = 2000


def check_before_connecting(engine: Engine, url: URL) -> None:
    """Let an engine's connections fail, as the driver's do, if the file is not one that the driver can read."""
    file, group = (str(url.query.get(f"read_default_{name}", "")) for name in ("file", "group"))
    if not file and not group:
        return
    # the driver's own defaults
    path, section = os.path.expanduser(file or "/etc/my.cnf"), group or "client"
    driver: Any = engine.dialect.loaded_dbapi

    @event.listens_for(engine, "do_connect")
    def _check(_dialect: object, _record: object, _arguments: object, _parameters: object) -> None:
        fault = _fault(driver.optionfile.Parser(), path, section)
        if fault:
            # without the cause, whose text may have the password
            raise driver.OperationalError(_UNREADABLE, f"option file {path}: {fault}") from None


def _fault(parser: configparser.RawConfigParser, path: str, section: str) -> str:
    """Say what is wrong with the file, or return an empty text; the parser is one of the driver's."""
    try:
        with open(path, encoding="utf-8") as file:
            parser.read_file(file)
    except OSError as error:
        return error.strerror or "cannot be read"
    except UnicodeDecodeError:
        return "not UTF-8"
    except configparser.MissingSectionHeaderError as error:
        return f"line {error.lineno}: comes before the first section ([{section}]), where the driver takes nothing"
    except (configparser.DuplicateOptionError, configparser.DuplicateSectionError) as error:
        return f"line {error.lineno}: is there already, and the driver takes nothing twice"
    except configparser.ParsingError as error:
        return f"line {error.errors[0][0]}: cannot be parsed"
    if not parser.has_section(section):
        return f"has no section [{section}]"
    # not with the driver's method, which fails at a key without a value, and leaves such a key out for that reason
    port = configparser.RawConfigParser.get(parser, section, "port", fallback=None)
    return "" if port is None or re.fullmatch("""["']?[0-9]{1,5}["']?""", port) else "port is not a number"
