-- title: Mounts without nosuid, nodev or noexec, by destination
-- advice: Where the destination holds data and no programs, add the options in the pod's specification or the runtime's configuration.
-- finding: yes
-- totals: mounts, without_nosuid, without_nodev, without_noexec
-- Few lists of options are on very many mounts: each list is looked into once, as the view looks into each mount's. An
-- option stands in the list behind one of three characters and a quote.
SELECT destination, sum(number) AS mounts,
       sum(CASE WHEN replace(options, '["nosuid"', '') <> options OR replace(options, ',"nosuid"', '') <> options
                     OR replace(options, ' "nosuid"', '') <> options THEN 0 ELSE number END) AS without_nosuid,
       sum(CASE WHEN replace(options, '["nodev"', '') <> options OR replace(options, ',"nodev"', '') <> options
                     OR replace(options, ' "nodev"', '') <> options THEN 0 ELSE number END) AS without_nodev,
       sum(CASE WHEN replace(options, '["noexec"', '') <> options OR replace(options, ',"noexec"', '') <> options
                     OR replace(options, ' "noexec"', '') <> options THEN 0 ELSE number END) AS without_noexec
FROM (
    SELECT destination, options, count(*) AS number
    FROM mounts
    WHERE NOT is_rootfs
    GROUP BY destination, options
) AS m
GROUP BY destination
ORDER BY 2 DESC, 1
