-- title: Mounts without nosuid, nodev or noexec, by destination
-- advice: Where the destination holds data and no programs, add the options in the pod's specification or the runtime's configuration.
-- finding: yes
-- totals: mounts, without_nosuid, without_nodev, without_noexec
SELECT destination, count(*) AS mounts,
       sum(CASE WHEN nosuid THEN 0 ELSE 1 END) AS without_nosuid,
       sum(CASE WHEN nodev THEN 0 ELSE 1 END) AS without_nodev,
       sum(CASE WHEN noexec THEN 0 ELSE 1 END) AS without_noexec
FROM mounts
WHERE NOT is_rootfs
GROUP BY destination
ORDER BY 2 DESC, 1
