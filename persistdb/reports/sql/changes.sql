-- title: What changed on a host
-- advice: Look at one of them: persistdb history shows what a change changed.
-- parameter: node text: the host
-- parameter: since time = 1h: from when on
SELECT at, host, sid, cid, kind, old_state, new_state, cause, actor, reason
FROM events
WHERE host = :node AND at >= :since
ORDER BY id
