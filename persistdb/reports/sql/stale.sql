-- title: Containers recorded as running or paused whose record has not changed for long
-- advice: Check on the host that the VM still runs; if it does not, the runtime died without cleaning up: delete the pod.
-- parameter: age age = 24h: how long the record has not changed
-- finding: yes
SELECT host, sid, cid, state, updated_at, pid, started_at
FROM containers
WHERE state IN ('running', 'paused') AND updated_at < :age
ORDER BY updated_at, host, sid, cid
