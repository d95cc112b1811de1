-- title: Containers recorded as running or paused that nobody has seen for long
-- advice: Check on the host that imports still run and that the VM does; if it does not, the runtime died without cleaning up: delete the pod.
-- parameter: age age = 24h: how long no import has found the sandbox, and the record has not changed
-- finding: yes
-- by host: yes
SELECT host, sid, cid, state, updated_at, seen_at, pid, started_at
FROM containers
WHERE state IN ('running', 'paused') AND updated_at < :age AND (seen_at IS NULL OR seen_at < :age)
ORDER BY host, updated_at, sid, cid
