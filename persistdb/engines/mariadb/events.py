"""The order of events on MariaDB: by their IDs, before the first that is not committed.

InnoDB has no number of a transaction that a row could keep, but lets others read what is not committed. An
INSERT … SELECT, which is how events are written, holds a lock for the table's new numbers until its rows are there
(``innodb_autoinc_lock_mode`` 0 and 1): so whoever reads a number and then looks at all rows, committed or not, finds
each smaller one that may still be committed. With mode 2, which a Galera cluster demands, numbers are given without
that lock; and a replica commits in another order than numbers were given.
"""

from __future__ import annotations

from ..events import EventOrder

ORDER = EventOrder(
    see_all="SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED",
    unfit="SELECT concat(lower(variable_name), ' is ', variable_value) FROM information_schema.global_variables"
    " WHERE (variable_name = 'INNODB_AUTOINC_LOCK_MODE' AND variable_value NOT IN ('0', '1'))"
    " OR (variable_name IN ('WSREP_ON', 'READ_ONLY') AND variable_value = 'ON')"
    " UNION ALL SELECT concat(lower(variable_name), ' is ', variable_value) FROM information_schema.global_status"
    " WHERE variable_name = 'SLAVES_RUNNING' AND variable_value <> '0'",
)
