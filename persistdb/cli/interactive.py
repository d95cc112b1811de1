"""``sql`` without a query on a terminal: one query after another, each read up to its semicolon."""

from __future__ import annotations

import re
import sqlite3
import sys
from typing import TYPE_CHECKING, Final

import click

from ..errors import PersistDBError
from ..places import sql_history
from ..reports import dictionary
from .answers import number_of, print_answer, print_expanded
from .columns import Column
from .history import History
from .messages import complain, tell
from .output import print_line, print_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..db.database import Database
    from ..reports.readonly import Rows
    from .output import Output

_PROMPT: Final = "persistdb> "
_MORE: Final = "      ...> "
_HELP: Final = (
    "A query ends with ; and may have several lines. Ctrl-C drops what was typed, or stops a query.",
    r"\d        list the views",
    r"\d VIEW   list the columns of a view",
    r"\x        print each row with a column a line, or no longer",
    r"\?        show this help",
    r"\q        leave; Ctrl-D and quit do the same",
)
_ESCAPED: Final = re.compile(r"\\.", re.DOTALL)
_LEAVE: Final = ("\\q", "quit", "exit")
_WORDS: Final = (
    *("SELECT", "FROM", "WHERE", "GROUP BY", "ORDER BY", "LIMIT", "JOIN", "USING", "HAVING", "DISTINCT", "BETWEEN"),
    *("count(", "EXPLAIN", "NULL", "LIKE", "DESC", "quit"),
)
_VIEWS: Final = (Column("view", "VIEW"), Column("row", "A ROW IS", shrinks=True))
_COLUMNS: Final = (Column("column", "COLUMN"), Column("type", "TYPE"))


class Repl:
    """The loop that reads queries and prints their answers; an error does not end it."""

    def __init__(self, database: Database, read: Callable[[str], Rows], output: Output, *, expanded: bool) -> None:
        self._database = database
        self._read = read
        self._output = output
        self._expanded = expanded
        self._typed = ""

    def run(self) -> None:
        """Ask for queries until the person leaves."""
        history = History(sql_history())
        _edit_lines(history.lines, self._words())
        print_line(rf"{self._database.url}: SQL that only reads; end a query with ; and see \? for help")
        try:
            while self._take(history):
                sys.stdout.flush()
        finally:
            history.close()

    def _take(self, history: History) -> bool:
        """Take what is typed next; return whether the person stays."""
        try:
            # a terminal may give several lines that were pasted as one
            for line in input(_MORE if self._typed else _PROMPT).split("\n"):
                history.add(line)
                if not self._read_line(line):
                    return False
        except EOFError:
            print_line("")
            return False
        except KeyboardInterrupt:
            self._typed = ""
            print_line("")
        except UnicodeDecodeError as error:
            complain(f"what was typed is not UTF-8: {error.reason}")
        return True

    def _read_line(self, line: str) -> bool:
        """Read a command, or a part of a query, which is asked once it is whole."""
        word = line.strip()
        if word.startswith("\\") or (not self._typed and word.rstrip(";") in _LEAVE):
            return self._command(*word.rstrip(";").split())
        self._typed = f"{self._typed}{line}\n" if self._typed or word else ""
        if _is_whole(self._typed):
            query, self._typed = self._typed.strip(), ""
            if query.strip("; \n"):
                self._guarded(lambda: self._answer(query))
        return True

    def _command(self, name: str, *names: str) -> bool:
        if name in _LEAVE:
            return False
        if name == "\\d":
            self._guarded(lambda: self._describe(names))
        elif name == "\\x":
            self._expanded = not self._expanded
            print_line(f"A column a line: {'on' if self._expanded else 'off'}.")
        elif name == "\\?":
            for text in _HELP:
                print_line(text)
        else:
            complain(rf"{name} is no command; \? lists them")
        return True

    def _answer(self, query: str) -> None:
        answer = self._read(query)
        if self._expanded:
            print_expanded(answer, self._output)
        else:
            print_answer("query", answer, self._output)
        sys.stdout.flush()
        if self._output.is_for_people:
            tell(f"({number_of(len(answer.rows), is_cut=answer.is_cut)})")

    def _describe(self, names: Sequence[str]) -> None:
        if not names:
            print_rows("views", _VIEWS, list(dictionary.VIEWS.items()))
        for name in names:
            print_rows("columns", _COLUMNS, dictionary.columns(self._database, name))

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except (PersistDBError, click.ClickException) as error:
            complain(error)

    def _words(self) -> list[str]:
        columns = {name for view in dictionary.VIEWS for name, _ in dictionary.columns(self._database, view)}
        return [*dictionary.VIEWS, *sorted(columns - dictionary.VIEWS.keys()), *_WORDS]


def _is_whole(query: str) -> bool:
    """Return whether a query ends with a semicolon that is in no text and no comment."""
    # In MariaDB's texts a backslash takes the meaning from a quote, in the others' it does not.
    return any(map(sqlite3.complete_statement, (query, _ESCAPED.sub("", query))))


def _edit_lines(lines: Sequence[str], words: Sequence[str]) -> None:
    """Let a person edit lines, go back to earlier ones, and complete names, where Python has readline."""
    try:
        import readline
    except ImportError:
        return
    for line in lines:
        readline.add_history(line)

    def complete(begin: str, number: int) -> str | None:
        found = [word for word in words if word.lower().startswith(begin.lower())] if begin else []
        return found[number] if number < len(found) else None

    readline.set_completer(complete)
    is_editline = "libedit" in (readline.__doc__ or "")
    readline.parse_and_bind("bind ^I rl_complete" if is_editline else "tab: complete")
