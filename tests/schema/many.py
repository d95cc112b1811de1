"""Many containers at the baseline, written by the engine itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from persistdb import Database

_NUMBERS = {
    "sqlite": "(WITH RECURSIVE q(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM q WHERE i < {n} - 1) SELECT i FROM q) s",
    "postgresql": "(SELECT i FROM generate_series(0, {n} - 1) AS g(i)) s",
    "mariadb": "(WITH RECURSIVE q(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM q WHERE i < {n} - 1) SELECT i FROM q) s",
}
_DIVIDED = {"sqlite": "i / 10", "postgresql": "i / 10", "mariadb": "i DIV 10"}


def fill(database: Database, containers: int, mounts: int = 10) -> None:
    """Write containers, ten to a sandbox, each with as many mounts, a device map and a process."""
    engine = database.backend.name
    tenth = _DIVIDED[engine]

    def numbers(count: int) -> str:
        return _NUMBERS[engine].format(n=count)

    def text(prefix: str, number: str = "i") -> str:
        if engine == "mariadb":
            return f"concat('{prefix}', {number})"
        return f"('{prefix}' || CAST({number} AS TEXT))"

    statements = [
        (
            f"INSERT INTO sandbox (id, sid, state, cgroup_path)"
            f" SELECT i + 1, {text('0123456789abcdef0123456789abcdef0123456789abcdef-')}, 'running', '/kubepods/pod'"
            f" FROM {numbers(max(1, containers // 10))}"
        ),
        (
            f"INSERT INTO container (id, sandbox_id, cid, state, rootfs_block_device_id, rootfs_fs_type, cgroup_path,"
            f" bundle_path) SELECT i + 1, {tenth} + 1, {text('fedcba9876543210fedcba9876543210fedcba9876543210-')},"
            f" 'running', {text('drive-')}, 'ext4', '/kubepods/pod/container',"
            f" {text('/run/containerd/io.containerd.runtime.v2.task/k8s.io/')} FROM {numbers(containers)}"
        ),
        (
            f"INSERT INTO device_map (container_id, position, device_id, container_path, file_mode, uid, gid)"
            f" SELECT i + 1, 0, {text('device-')}, '/dev/xvda', 69206432, 0, 6 FROM {numbers(containers)}"
        ),
        (
            f"INSERT INTO process (container_id, position, token, pid, start_time, start_time_ns, start_time_offset)"
            f" SELECT i + 1, 0, {text('fedcba9876543210fedcba9876543210fedcba9876543210-')}, -1,"
            f" '2019-04-20 10:00:00.123456', 789, 120 FROM {numbers(containers)}"
        ),
    ]
    statements += [
        f"INSERT INTO mount (container_id, position, source, destination, type, options, host_path, block_device_id,"
        f" read_only) SELECT i + 1, {position}, {text('/var/lib/kubelet/pods/volumes/kubernetes.io~projected/v')},"
        f" '/var/run/secrets/kubernetes.io/{position}', 'bind', '[\"rbind\",\"rprivate\",\"ro\"]',"
        f" {text('/run/kata-containers/shared/sandboxes/mounts/')}, '', {'true' if position % 2 else 'false'}"
        f" FROM {numbers(containers)}"
        for position in range(mounts)
    ]
    with database.engine.execution_options(persistdb_begin="write").begin() as connection:
        if engine == "mariadb":
            connection.exec_driver_sql(
                f"SET SESSION max_recursive_iterations = {containers + 10}, max_statement_time=0"
            )
        for statement in statements:
            connection.exec_driver_sql(statement.replace("%", "%%") if engine != "sqlite" else statement)


MOVED = (
    (
        "SELECT count(*) FROM container c LEFT JOIN mount m ON m.container_id = c.id AND m.position = 0"
        " WHERE m.is_rootfs IS NULL OR m.type <> 'ext4' OR m.block_device_id <> concat('drive-', c.id - 1)"
    ),
    (
        "SELECT count(*) FROM mount WHERE position > 0 AND (is_rootfs OR mounted OR type <> 'bind'"
        " OR destination <> concat('/var/run/secrets/kubernetes.io/', position - 1)"
        " OR host_path <> concat('/run/kata-containers/shared/sandboxes/mounts/', container_id - 1)"
        " OR read_only <> (position % 2 = 0))"
    ),
    (
        "SELECT count(*) FROM process p LEFT JOIN container c ON c.id = p.container_id"
        " WHERE c.sandbox_id <> p.sandbox_id OR p.token <> c.cid OR p.start_time_ns <> 789"
    ),
    "SELECT count(*) FROM device_map WHERE shared OR file_mode <> 69206432",
)
"""At the newest schema: statements that count the rows that were not moved as they should have been."""


def faults(database: Database, containers: int, mounts: int = 10) -> list[int]:
    """How far the upgraded rows are from what they should be: all zero if nothing was lost."""
    with database.engine.connect() as connection:

        def count(statement: str) -> int:
            found: int = connection.exec_driver_sql(
                statement.replace("%", "%%") if database.backend.name != "sqlite" else statement
            ).scalar_one()
            return found

        return [
            count("SELECT count(*) FROM container") - containers,
            count("SELECT count(*) FROM mount") - containers * (mounts + 1),
            count("SELECT count(*) FROM device_map") - containers,
            count("SELECT count(*) FROM process") - containers,
            *(count(statement) for statement in MOVED),
        ]
