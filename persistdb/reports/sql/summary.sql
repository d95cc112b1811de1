-- title: Containers by host and state
-- advice: Look first at a host that has many more containers in one state than the other hosts.
-- by host: yes
SELECT host, state, count(*) AS containers
FROM containers
GROUP BY host, state
ORDER BY host, state
