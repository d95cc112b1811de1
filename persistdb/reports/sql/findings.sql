-- title: What audits found of hosts, and still find
-- advice: Each row has its own advice. Run persistdb audit on the host when it is done.
-- parameter: check text = any: the findings of one check
-- finding: yes
SELECT host, check_name, sid, cid, subject, recorded, observed, coalesce(began_at, first_seen) AS since,
       times_seen, last_seen, advice
FROM findings
WHERE is_open AND (:check = 'any' OR check_name = :check)
ORDER BY 1, 2, 5
