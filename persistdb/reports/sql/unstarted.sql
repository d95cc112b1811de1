-- title: Containers that were never started
-- advice: If a container has been waiting for long, and imports still find its sandbox (seen_at in the view containers), its creation failed half-way: delete the pod, then run the report leftover-mounts.
-- finding: yes
-- by host: yes
SELECT host, sid, cid, state, created_at, mounts, devices
FROM containers
WHERE started_at IS NULL AND token IS NULL AND (pid IS NULL OR pid <= 0)
ORDER BY host, created_at, sid, cid
