-- title: Containers by host and state
-- advice: A state that a host has many more of than the others have is where to look first.
SELECT host, state, count(*) AS containers
FROM containers
GROUP BY host, state
ORDER BY host, state
