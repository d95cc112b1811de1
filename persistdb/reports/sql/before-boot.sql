-- title: Containers that were there until their host was booted
-- advice: What ran in them ended with the boot, whatever their state was: persistdb ls says what runs again, and persistdb show SID/CID --at TIME what one had on disks, which outlive a boot.
-- by host: yes
-- parameter: since time = 7d: found to be gone since when
-- A row is the last version of a container: it held from valid_from on.
SELECT e.host, e.sid, e.cid, e.old_state AS state, c.created_at, c.valid_from, e.at AS removed, c.bundle_path
FROM events AS e
JOIN containers_over_time AS c ON c.host = e.host AND c.sid = e.sid AND c.cid = e.cid AND c.valid_to = e.at
WHERE e.kind = 'removed' AND e.cause = 'boot' AND e.at >= :since AND c.valid_to >= :since
ORDER BY 1, 7, 2, 3
