-- title: The largest sandboxes
-- advice: Kata writes the whole sandbox for each change of one container: spread the containers of the largest over more pods.
-- parameter: count number = 10: how many to show
-- ranked by: containers
WITH largest AS (SELECT host, sid FROM sandboxes ORDER BY containers DESC, host, sid LIMIT :count)
SELECT s.host, s.sid, s.state, s.containers, s.mounts, s.devices
FROM largest AS l
JOIN sandboxes AS s ON s.host = l.host AND s.sid = l.sid
ORDER BY s.containers DESC, s.host, s.sid
