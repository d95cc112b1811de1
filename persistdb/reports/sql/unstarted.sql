-- title: Containers that were never started
-- advice: If a container has been waiting for long, its creation failed half-way: delete the pod, then run the report leftover-mounts.
-- finding: yes
SELECT host, sid, cid, state, created_at, mounts, devices
FROM containers
WHERE started_at IS NULL AND token IS NULL
ORDER BY created_at, host, sid, cid
