-- title: Containers said to run whose record was not written for long
-- advice: Look on the host whether the VM is there; if it is not, the runtime died without cleaning up: delete the pod.
-- parameter: age age = 24h: how long the record has not been written
-- finding: yes
SELECT host, sid, cid, state, updated_at, pid, started_at
FROM containers
WHERE state IN ('running', 'paused') AND updated_at < :age
ORDER BY updated_at, host, sid, cid
