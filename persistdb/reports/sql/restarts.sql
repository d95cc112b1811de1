-- title: Containers that were started most often
-- advice: Look at the logs of a container that restarts again and again; persistdb history shows when it did.
-- parameter: since time = 24h: from when on
-- parameter: count number = 10: how many to show
-- finding: yes
-- ranked by: starts
SELECT host, sid, cid, count(*) AS starts, min(at) AS first_start, max(at) AS last_start
FROM events
WHERE at >= :since AND cid IS NOT NULL AND new_state = 'running' AND (old_state IS NULL OR old_state NOT IN ('running', 'paused'))
GROUP BY host, sid, cid
HAVING count(*) > 1
ORDER BY 4 DESC, 1, 2, 3
LIMIT :count
