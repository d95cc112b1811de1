-- title: Which hosts leak mounts and devices, and since when
-- advice: Look first at the hosts where there are many, and at those whose first is new: the guide to audits says what to do about each.
-- finding: yes
SELECT host, check_name, count(*) AS findings, min(coalesce(began_at, first_seen)) AS first_since,
       max(coalesce(began_at, first_seen)) AS last_since, sum(CASE WHEN times_seen > 1 THEN 1 ELSE 0 END) AS come_and_go,
       max(last_seen) AS last_seen
FROM findings
WHERE is_open AND check_name IN ('leaked-mount', 'leaked-device')
GROUP BY host, check_name
ORDER BY 3 DESC, 1, 2
