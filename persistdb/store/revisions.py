"""The revision of a sandbox is a sum: its own row's number plus the revisions of its containers.

**Invariant**: the sum grows with each change of the sandbox or of one of its containers, and no revision is given twice
to containers of the same ``cid``, even if one is removed and another made.

A change of a container adds one to the container's revision, and so to the sum: it writes one row, not the sandbox's
too. A new container begins above the sandbox's revision, which is at least as great as any revision that a container in
it ever had. What the sum gains or loses by containers that come and go is made up for in the sandbox's own row, whose
number may therefore be negative.

======================  ============  =====  =====  =======
change                  sandbox row   web    db     revision
======================  ============  =====  =====  =======
sandbox is created      1             -      -      1
``web`` is added        0             2      -      2
``web`` is changed      0             3      -      3
``db`` is added         -3            3      4      4
``web`` is removed      1             -      4      5
``web`` is added again  -4            6      4      6
======================  ============  =====  =====  =======

A change of a sandbox's own row gives it another number, always: by the number a writer knows that the row is as it was
read. Where containers are swapped, so that the number would stay, it and the revision get one more. The number may come
back in several changes: so the time of the row is compared, too, where others can write between a read and a write.

Pure: nothing here touches a database. In SQL the sum is in ``statements.snapshot`` and in the view ``sandboxes``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def of_sandbox(own: int, containers: Iterable[int]) -> int:
    """Return a sandbox's revision: the number in its own row plus its containers' revisions."""
    return own + sum(containers)


def of_new_container(sandbox: int) -> int:
    """Return the first revision of a container that is added to a sandbox at this revision."""
    return sandbox + 1


def own_number(sandbox: int, containers: Iterable[int]) -> int:
    """Return the number of the sandbox's own row that brings it to this revision with these containers."""
    return sandbox - sum(containers)
