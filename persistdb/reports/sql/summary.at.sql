-- title: Containers by host and state at a time
-- advice: Compare it with what there is now, without --at.
SELECT host, state, count(*) AS containers
FROM containers_over_time
WHERE valid_from <= :at AND (valid_to IS NULL OR valid_to > :at)
GROUP BY host, state
ORDER BY host, state
