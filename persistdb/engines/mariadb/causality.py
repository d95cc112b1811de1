"""What a node of a Galera cluster must have seen before it decides something.

A node acknowledges a commit when the others have it, and they apply it a little later: what is read there meanwhile is
stale. A write that was decided by it would be refused as a clash at best, and be a wrong Conflict or a lost commit that
is taken for none at worst. So writes, and transactions that write, wait until their node has applied what was committed
anywhere before (mariadb.com/kb/en/galera-cluster-system-variables, "wsrep_sync_wait"). Lone reads do not wait.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Engine

_VARIABLE = "wsrep_sync_wait"
# bits: 1 is for SELECT and BEGIN, 2 for UPDATE and DELETE, 4 for INSERT and REPLACE; none is looked at within a
# transaction, which is current from its BEGIN on
_READS, _WRITES = 1, 6

# ER_UNKNOWN_SYSTEM_VARIABLE, of a server that was built without Galera
_UNKNOWN = 1193


class Causality:
    """The setting, as long as the server is not known to lack it."""

    def __init__(self) -> None:
        self._known = True

    def begin(self) -> str:
        """Return what starts a transaction that sees what was committed before, on any node."""
        # BEGIN would start a block in a compound statement
        begin = "START TRANSACTION"
        return f"SET STATEMENT {_VARIABLE} = {_READS} FOR {begin}" if self._known else begin

    def see_to(self, engine: Engine, settings: str) -> None:
        """Let statements that write wait, on each new connection; ``settings`` is what else a session is told."""
        dialect: Any = engine.dialect
        connect, errors = dialect.connect, dialect.loaded_dbapi.Error

        def connect_with_setting(*arguments: Any, **parameters: Any) -> Any:
            if self._known:
                command = f"{settings}, {_VARIABLE} = {_WRITES}"
                try:
                    return connect(*arguments, **{**parameters, "init_command": command})
                except errors as error:
                    if error.args[:1] != (_UNKNOWN,) or _VARIABLE not in str(error):
                        raise
                self._known = False
            return connect(*arguments, **{**parameters, "init_command": settings})

        dialect.connect = connect_with_setting
