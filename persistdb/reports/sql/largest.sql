-- title: The largest sandboxes
-- advice: Kata writes the whole sandbox for each change of one container: spread the containers of the largest over more pods.
-- parameter: count number = 10: how many to show
SELECT host, sid, state, containers, mounts, devices
FROM sandboxes
ORDER BY containers DESC, mounts DESC, devices DESC, host, sid
LIMIT :count
