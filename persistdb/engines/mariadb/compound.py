"""Statements that go to the server together: as one compound statement, which takes one round trip.

It ends at the first error, as statements do that are sent one by one: what comes behind it is not run. Packets that are
sent ahead would be run nevertheless, and outside of the transaction where the error has rolled that back. A text with
several statements needs CLIENT_MULTI_STATEMENTS, with which a text that was injected could have some, too.

A compound statement cannot be prepared in every version, but statements in it can: it executes them
(mariadb.com/kb/en/begin-not-atomic, mariadb.com/kb/en/execute-statement).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from ..failures import CommitInterrupted
from .literals import marked
from .prepared import GONE, Prepared
from .startup import rolled_back_anyway

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.pool import PoolProxiedConnection

    from ..base import Answered

MOST = 32_768
"""The characters of its parameters from which a statement goes to the server by itself.

A round trip is little beside what such a statement takes. Those that go together share max_allowed_packet (16 MB unless
it is set), of which a dozen of shorter ones leaves most.
"""

# a variable is read within the compound statement
_VARIABLE = re.compile(r"SELECT (@\w+)$")
# SELECT … INTO @variable returns none
_RETURNS_ROWS = re.compile(r"\s*(?:SELECT|WITH)\b(?!.*\bINTO @)|.*\bRETURNING\b", re.DOTALL)
_NAMED = re.compile(r"%\((\w+)\)s")
# The errors of the client itself, of a connection that is lost (CR_MIN_ERROR to CR_MAX_ERROR in MariaDB's errmsg.h;
# PyMySQL's own is 0). The server has some above these.
_OF_CLIENT = frozenset({0, *range(2000, 3000)})
# ER_QUERY_INTERRUPTED and ER_STATEMENT_TIMEOUT: behind the COMMIT, too
_INTERRUPTED = frozenset({1317, 1969})


@lru_cache(256)
def is_combined(sql: str) -> bool:
    """Return whether a statement of ours returns no rows, or only what a variable holds."""
    return _VARIABLE.match(sql) is not None or _RETURNS_ROWS.match(sql) is None


def execute(
    cursor: Any,
    statements: Sequence[tuple[str, Any]],
    prepared: Prepared,
    pooled: PoolProxiedConnection,
    begin: str,
) -> list[Answered]:
    """Run statements that return no rows, or read a variable; return how many rows each changed, or the value as a row.

    With ``begin``, which starts a transaction, they are one that is committed. Raises :class:`CommitInterrupted`.
    """
    texts = [sql if _VARIABLE.match(sql) else prepared.text(cursor, sql) for sql, _ in statements]
    try:
        return _execute(cursor, texts, statements, pooled, begin)
    except Exception as error:  # the driver's own, of whichever it is
        if _code(error) not in GONE:
            raise
        prepared.forget()
        if not begin:
            raise  # the transaction is run again
        return _execute(cursor, [sql for sql, _ in statements], statements, pooled, begin)


def _execute(
    cursor: Any,
    texts: Sequence[str],
    statements: Sequence[tuple[str, Any]],
    pooled: PoolProxiedConnection,
    begin: str,
) -> list[Answered]:
    _, first = statements[0]
    # the driver escapes what has a name once, however often it is in the text
    shared = isinstance(first, dict) and all(given is first for _, given in statements)
    compound = _compound(tuple(texts), begin, shared)
    values: Any = first
    if not shared:
        values = []
        for names, (_, given) in zip(compound.names, statements, strict=True):
            if names:
                values += [given[name] for name in names]
            elif not isinstance(given, Mapping):
                values += given
    try:
        cursor.execute(compound.sql, marked(values))
        ((numbers,),) = cursor.fetchall()
    except Exception as error:  # the same
        if begin and _code(error) not in _OF_CLIENT:
            _roll_back(cursor, error, pooled)
        raise
    answers: list[Answered] = [((), number) for number in msgspec.json.decode(f"[{numbers}]")]
    for place in compound.variables:
        answers[place] = (((answers[place][1],),), 1)
    return answers


def _roll_back(cursor: Any, error: Exception, pooled: PoolProxiedConnection) -> None:
    """Roll back what no answer has told the driver of, and an error does not end."""
    is_open = True
    try:
        if _code(error) in _INTERRUPTED:
            cursor.execute("SELECT @@in_transaction")
            ((is_open,),) = cursor.fetchall()
    finally:
        with rolled_back_anyway():
            pooled.dbapi_connection.rollback()  # type: ignore[union-attr]  # it is in use
    if not is_open:
        raise CommitInterrupted(error) from error


def _code(error: Exception) -> int:
    """Return an error's number; 0, as PyMySQL does where it has none."""
    code = error.args[0] if error.args else 0
    return code if isinstance(code, int) else 0


class _Compound(NamedTuple):
    """A compound statement, the names of each statement's parameters, and which statements read a variable."""

    sql: str
    names: Sequence[Sequence[str]]
    variables: Sequence[int]


@lru_cache(256)
def _compound(texts: tuple[str, ...], begin: str, named: bool) -> _Compound:
    # variables hide columns of their names
    numbers = [f"persistdb_{i}" for i in range(len(texts))]
    run, names, variables = "", [], []
    for place, (text, number) in enumerate(zip(texts, numbers, strict=True)):
        variable = _VARIABLE.match(text)
        if variable:
            run += f"SET {number} = {variable[1]}; "
            variables.append(place)
        else:
            # parameters keep their names only where all statements have the same ones
            run += f"{text if named else _NAMED.sub('%s', text)}; SET {number} = ROW_COUNT(); "
        names.append(_NAMED.findall(text))
    if begin:
        run = f"{begin}; {run}COMMIT; "
    listed = ", ".join(numbers)
    # one column, for PyMySQL takes 10 µs to read what each is; json_array() would write variables as text
    found = ", ".join(f"coalesce({number}, 'null')" for number in numbers)
    sql = f"BEGIN NOT ATOMIC DECLARE {listed} BIGINT; {run}SELECT concat_ws(',', {found}); END"
    return _Compound(sql, names, variables)
