"""Locks that hold wherever the database is used from: rows of the table ``lease``.

A lock is taken by a row of its name with the next number, and held as soon as no earlier row of the name excludes it:
the rows are the queue, first come first served, and the number is the fencing number. Numbers are drawn from a counter
whose row stays locked until the new row is committed, so none is ever committed after a greater one: who sees no
earlier row may be sure that none will come. On a cluster, where a row lock is a node's own, the commit of two draws of
one number is refused to one of them.

A row expires unless its owner renews it (:mod:`.renewal`), and is removed by whoever waits for it: at once where the
owner's process is seen to be gone (:mod:`.owner`). Only a row that is removed is lost to its owner, so that a renewal
that comes late, from behind a server that stood still, finds the lock held as before.
"""

from .change import change_of_schema as change_of_schema
from .owner import LockUnavailable as LockUnavailable
from .queue import Lease as Lease
from .queue import Leases as Leases
from .statements import held as held
