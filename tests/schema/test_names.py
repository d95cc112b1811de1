"""Annotations and names of rows that are there are filled from their documents, as a save fills those of new rows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from persistdb import ContainerRepository, ContainerState, Origin, SandboxState
from persistdb.schema import migrate

from . import dumps, model

if TYPE_CHECKING:
    from persistdb import Database

CRI = {
    "io.kubernetes.cri.sandbox-name": "web-1",
    "io.kubernetes.cri.sandbox-namespace": "default",
    "io.kubernetes.cri.sandbox-uid": "0a9b",
    "io.kubernetes.cri.container-name": "nginx",
    "io.kubernetes.cri.image-name": "docker.io/library/nginx:1.27",
}
CRIO = {
    "io.kubernetes.pod.name": "db-0",
    "io.kubernetes.cri-o.Namespace": "prod",
    "io.kubernetes.cri-o.ImageName": "quay.io/db:1",
    "io.kubernetes.container.name": "db",
}
TASK = "/run/containerd/io.containerd.runtime.v2.task"
HOSTILE = {
    "": "without a name",
    'a "quoted" \\ name with . and $[0]': "it's: {ünï} \N{SNOWMAN}",
    "a number": 1,
    "null": None,
    "a list": ["x"],
    "a NUL": "a\0b",
    "n" * 5000: "a long name",
    "long": "x" * 100_000,
    "newline": "a\nb=c",
}


def _file(**files: Any) -> str:
    return json.dumps(files)


SANDBOXES = {
    "kata": (
        "3.28",
        json.dumps(
            {
                "Config": {
                    "Annotations": {"io.kubernetes.cri.sandbox-uid": "of the sandbox"},
                    "ContainerConfigs": [
                        {"ID": "c1", "Annotations": CRI | HOSTILE},
                        {"ID": "c2", "Annotations": {"io.katacontainers.pkg.oci.bundle_path": f"{TASK}/k8s.io/c2"}},
                        {"ID": "c1", "Annotations": {"a second": "adds to it", "": "not this"}},
                        {"ID": "c3", "Annotations": None},
                        {"ID": "elsewhere", "Annotations": CRI},
                        {"ID": 7},
                        "no object",
                    ],
                }
            }
        ),
        {"c1": (ContainerState(), Origin(layout="3.28")), "c2": (ContainerState(), Origin(layout="3.28")), "c3": None},
    ),
    "old": (
        "old-1.6",
        _file(**{"config.json": {"Annotations": {"own": "1"}, "Containers": [{"ID": "c", "Annotations": CRI}]}}),
        {
            "c": (
                ContainerState(),
                Origin(layout="old-1.6", document=_file(**{"config.json": {"Annotations": {"of": "c", **CRIO}}})),
            )
        },
    ),
    "runc": (
        "runc",
        None,
        {
            "r": (
                ContainerState(bundle_path=f"{TASK}/moby/r"),
                Origin(
                    layout="runc",
                    document=_file(
                        **{
                            "state.json": {
                                "config": {
                                    "labels": [
                                        "bundle=/b",
                                        *(f"{k}={v}" for k, v in (CRI | HOSTILE).items()),
                                        "no value",
                                        "twice=1",
                                        "twice=2",
                                        3,
                                    ]
                                }
                            }
                        }
                    ),
                ),
            )
        },
    ),
    "crun": (
        "crun",
        None,
        {
            "c": (ContainerState(), Origin(layout="crun", document=_file(**{"config.json": {"annotations": CRIO}}))),
            "slash": (
                ContainerState(),
                Origin(
                    layout="crun",
                    document=_file(
                        **{"config.json": {"annotations": CRI | {"io.kubernetes.cri.sandbox-namespace": "a/b"}}}
                    ),
                ),
            ),
            "list": (
                ContainerState(),
                Origin(layout="crun", document=_file(**{"config.json": {"annotations": ["x"]}})),
            ),
            "spoilt": (ContainerState(), Origin(layout="crun", document="{no JSON")),
        },
    ),
    "youki": (
        "youki",
        None,
        {
            "y": (
                ContainerState(),
                Origin(layout="youki", document=_file(**{"state.json": {"annotations": {"nerdctl/namespace": "n"}}})),
            )
        },
    ),
    "spoilt": ("3.28", '{"Config": [', {"x": None}),
    "without": ("", None, {"x": None}),
}


def _save(database: Database) -> None:
    repository = ContainerRepository(database, host=model.HOST)
    for sid, (layout, document, containers) in SANDBOXES.items():
        given = {cid: each or (ContainerState(), Origin()) for cid, each in containers.items()}
        repository.save_sandbox(
            SandboxState(sid=sid, layout=layout, document=document),
            {cid: record for cid, (record, _) in given.items()},
            origins={cid: origin for cid, (_, origin) in given.items()},
        )


def _derived(database: Database) -> tuple[list[tuple[Any, ...]], ...]:
    return dumps.select(
        database,
        "SELECT container_id, position, name, value FROM annotation ORDER BY container_id, position",
        "SELECT sandbox_id, position, name, value FROM sandbox_annotation ORDER BY sandbox_id, position",
        "SELECT cid, runtime, pod, pod_uid, container_name, image FROM container ORDER BY id",
    )


def test_as_a_save(database: Database) -> None:
    """After a downgrade and an upgrade everything is there again that the saves wrote."""
    migrate.upgrade(database)
    _save(database)
    saved = _derived(database)
    assert [row[2] for row in saved[2] if row[0] == "c1"] == ["default/web-1"]
    assert {row[0]: row[1] for row in saved[2]}["r"] == "runc"
    migrate.downgrade(database, "0014", allow_loss=True)
    migrate.upgrade(database)
    assert _derived(database) == saved


def test_namespaces(database: Database) -> None:
    """The namespace is found in an annotation, in the path of a bundle, and in the folder of the runtime."""
    migrate.upgrade(database)
    _save(database)
    repository = ContainerRepository(database, host=model.HOST)
    repository.save_sandbox(
        SandboxState(sid="seen", layout="runc"), {"seen": ContainerState()}, origins={"seen": Origin(layout="runc")}
    )
    repository.mark_seen(["seen"], source="/run/containerd/runc/default", at=model.MOMENT)
    migrate.downgrade(database, "0014", allow_loss=True)
    migrate.upgrade(database)
    with database.engine.connect() as connection:
        found = connection.execute(sa.text("SELECT cid, namespace FROM container WHERE namespace <> ''"))
        assert {row.cid: row.namespace for row in found} == {
            "c2": "k8s.io",
            "r": "moby",
            "y": "n",
            "seen": "default",
        }
