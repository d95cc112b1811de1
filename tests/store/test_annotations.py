"""Annotations, and the names in them: taken out of documents at the save, in its transaction."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, update

from persistdb import Ambiguous, ContainerRepository, ContainerState, Mount, NotFound, Origin, SandboxState
from persistdb.reports import readonly
from persistdb.schema import tables

if TYPE_CHECKING:
    from collections import Counter

    from persistdb import Database

COLORS = ("threads", "tasks")
POD = {"io.kubernetes.cri.sandbox-namespace": "default", "io.kubernetes.cri.sandbox-name": "web-1"}
NGINX = {"io.kubernetes.cri.container-name": "nginx", "io.kubernetes.cri.image-name": "docker.io/nginx:1.27"}
TWO_MOUNTS = ContainerState(mounts=[Mount(destination="/a"), Mount(destination="/b")])


def kata(**annotations: dict[str, str]) -> SandboxState:
    """Return a sandbox of Kata's whose file has annotations of these containers."""
    configs = [{"ID": cid, "Annotations": given} for cid, given in annotations.items()]
    document = json.dumps({"State": "running", "Config": {"Annotations": {"own": "1"}, "ContainerConfigs": configs}})
    return SandboxState(sid="s", document=document, layout="3.28")


def crun(annotations: dict[str, str]) -> Origin:
    """Return the origin of a container of crun's."""
    return Origin(layout="crun", document=json.dumps({"config.json": {"annotations": annotations}}))


def annotations(database: Database) -> set[tuple[Any, ...]]:
    return set(map(tuple, readonly.read(database, "SELECT sid, cid, name, value FROM annotations").rows))


def names(database: Database) -> dict[str, tuple[Any, ...]]:
    sql = "SELECT cid, pod_namespace, pod_name, container_name, runtime FROM containers"
    return {cid: tuple(rest) for cid, *rest in readonly.read(database, sql).rows}


OWN = ("s", None, "own", "1")


def test_a_sandbox(repository: ContainerRepository, database: Database, writes: Counter[str]) -> None:
    """Annotations follow the sandbox's document; a save that changes nothing of them writes none."""
    repository.save_sandbox(kata(a=POD | NGINX, b={"x": "1"}), {"a": TWO_MOUNTS, "b": ContainerState()})
    assert ("s", "a", "io.kubernetes.cri.sandbox-name", "web-1") in annotations(database)
    assert names(database) == {"a": ("default", "web-1", "nginx", "kata"), "b": ("", "", "", "kata")}
    writes.clear()
    repository.save_sandbox(kata(a=POD | NGINX, b={"x": "1"}), {"a": TWO_MOUNTS, "b": ContainerState()})
    assert not writes
    repository.save_sandbox(kata(a=POD | NGINX, b=POD), {"a": TWO_MOUNTS, "b": ContainerState()})
    assert {row for row in annotations(database) if row[1] == "b"} == {("s", "b", *item) for item in POD.items()}
    assert names(database)["b"] == ("default", "web-1", "", "kata")
    repository.save_sandbox(kata(a={"y": "2"}), {"a": TWO_MOUNTS})
    assert annotations(database) == {OWN, ("s", "a", "y", "2")}
    assert names(database) == {"a": ("", "", "", "kata")}
    repository.save_sandbox(SandboxState(sid="s", document="{}", layout="3.28"))
    assert annotations(database) == set()


def test_one_container(repository: ContainerRepository, database: Database) -> None:
    """A container that is saved alone has the annotations that its sandbox's document has of it."""
    repository.save_sandbox(kata(a=POD, b=NGINX), {"a": TWO_MOUNTS})
    repository.save("s", "b", ContainerState())
    repository.save("s", "c", ContainerState())
    expected = {OWN, *(("s", "a", *item) for item in POD.items()), *(("s", "b", *item) for item in NGINX.items())}
    assert annotations(database) == expected
    assert names(database)["b"] == ("", "", "nginx", "kata")
    # its row goes and comes back
    assert repository.save("s", "a", ContainerState(mounts=[Mount(destination="/a")])) == 2
    assert repository.save("s", "b", ContainerState(state="running")) == repository.get("s", "b").revision
    assert annotations(database) == expected
    assert names(database)["a"] == ("default", "web-1", "", "kata")
    repository.delete("s", "a")
    assert {row[1] for row in annotations(database)} == {None, "b"}


def test_its_own_files(repository: ContainerRepository, database: Database) -> None:
    """Annotations of a container's own files follow these."""
    repository.save_sandbox(SandboxState(sid="s", layout="crun"), {"a": TWO_MOUNTS}, origins={"a": crun(POD)})
    assert annotations(database) == {("s", "a", *item) for item in POD.items()}
    revision = repository.get("s", "a").revision
    assert repository.save("s", "a", TWO_MOUNTS, origin=crun(NGINX)) == revision + 1
    assert annotations(database) == {("s", "a", *item) for item in NGINX.items()}
    assert names(database) == {"a": ("", "", "nginx", "crun")}
    repository.save("s", "b", ContainerState(), origin=crun(POD))
    assert names(database)["b"] == ("default", "web-1", "", "crun")
    assert repository.get("s", "b").origin == crun(POD)


def test_what_no_engine_holds(repository: ContainerRepository, database: Database) -> None:
    """A NUL and half of a surrogate pair are replaced, a value of 1 MB is kept, and what is no text is left out."""
    document = (
        '{"config.json":{"annotations":{"nul":"a\\u0000b","half":"\\ud800","number":1,"list":[],"long":"'
        + "x" * 1_000_000
        + '"}}}'
    )
    origin = Origin(layout="crun", document=document)
    repository.save_sandbox(SandboxState(sid="s"), {"a": ContainerState()}, origins={"a": origin})
    found = {name: value for _, _, name, value in annotations(database)}
    assert found == {"nul": "a\ufffdb", "half": "\ufffd", "long": "x" * 1_000_000}


def test_by_names(repository: ContainerRepository) -> None:
    """Containers are found by their names, where one has them and no ID begins so."""
    repository.save_sandbox(
        kata(s=POD, a=POD | NGINX, b=POD | {"io.kubernetes.cri.container-name": "sidecar"}),
        {"s": ContainerState(), "a": ContainerState(), "b": ContainerState()},
    )
    other = {**POD, "io.kubernetes.cri.sandbox-name": "db", "io.kubernetes.cri.container-name": "a"}
    repository.save_sandbox(SandboxState(sid="t"), {"x": ContainerState()}, origins={"x": crun(other)})
    assert [one.cid for one in repository.find("pod=default/web-*")] == ["a", "b", "s"]
    assert [one.cid for one in repository.find("image=docker.io/*", "runtime=kata")] == ["a"]
    assert [one.pod for one in repository.summaries("name!=nginx", "runtime=crun")] == ["default/db"]
    assert repository.look_up("sidecar").cid == "b"
    assert repository.look_up("default/db").cid == "x"
    assert repository.look_up("default/web-1/nginx").cid == "a"
    assert repository.look_up("a").sid == "s"  # an ID comes before a name
    assert repository.look_up_sandbox("default/web-1") == "s"
    with pytest.raises(Ambiguous, match="s/a, s/b"):
        repository.look_up("default/web-1")
    for unknown in ("default/web", "/web-1", "default/web-1/db", "nobody"):
        with pytest.raises(NotFound):
            repository.look_up(unknown)


def test_namespaces(repository: ContainerRepository) -> None:
    """A container's namespace of containerd is kept with its origin, and is a filter."""
    origin = Origin(layout="runc", namespace="k8s.io")
    repository.save_sandbox(SandboxState(sid="s"), {"a": ContainerState()}, origins={"a": origin})
    repository.save_sandbox(SandboxState(sid="t"), {"b": ContainerState()})
    assert repository.get("s", "a").origin == origin
    assert repository.namespaces() == {"s": {"k8s.io"}}
    assert [one.cid for one in repository.find("namespace=k8s.*")] == ["a"]


def test_edits(repository: ContainerRepository, database: Database) -> None:
    """What is derived follows the documents through edits, of objects and of many rows, of any kind."""
    device = {"Devices": [{"ID": "v", "VFIODevs": [{"BDF": "3b:00.0"}]}], "HypervisorState": {"Pid": 7}}
    named = kata(a=POD, b=NGINX)
    document = json.dumps({**json.loads(named.document or ""), **device})
    now = datetime.now(UTC)
    times = {"created_at": now, "updated_at": now}
    with database.session(write=True) as session:
        new = tables.Sandbox(
            host="node-1", sid="s", state="", cgroup_path="", layout="3.28", document=document, **times
        )
        for cid in "abc":
            new.containers.append(
                tables.Container(cid=cid, state="", cgroup_path="", bundle_path="", layout="", **times)
            )
        session.add(new)
    expected = {("s", None, "own", "1"), *(("s", "a", *item) for item in POD.items())}
    assert annotations(database) == expected | {("s", "b", *item) for item in NGINX.items()}
    assert [tuple(row) for row in readonly.read(database, "SELECT bdf FROM vfio_devices").rows] == [("0000:3b:00.0",)]
    assert names(database)["a"] == ("default", "web-1", "", "kata")
    with database.session(write=True) as session:
        c = session.scalars(select(tables.Container).where(tables.Container.cid == "c")).one()
        assert c.pod == ""
        c.layout, c.document = "crun", crun(POD).document
        session.flush()
        assert (c.pod, c.runtime) == ("default/web-1", "crun")
    assert names(database)["c"] == ("default", "web-1", "", "crun")
    with database.session(write=True) as session:
        session.execute(update(tables.Sandbox).values(document=None))
    assert {row[1] for row in annotations(database)} == {"c"}
    assert list(readonly.read(database, "SELECT bdf FROM vfio_devices").rows) == []
    with database.session(write=True) as session:
        session.execute(update(tables.Container).where(tables.Container.cid == "c").values(document=None))
    assert annotations(database) == set()
    assert names(database)["c"] == ("", "", "", "crun")


@pytest.mark.parametrize("sort", ["runtime", "namespace", "pod", "name", "image"])
def test_sorts(repository: ContainerRepository, sort: str) -> None:
    """Containers are sorted by what documents say, in pages, as records and as in a list, now and in the past."""
    for number, name in enumerate("cabab"):
        pod = {key: f"{value}-{name}" for key, value in (POD | NGINX).items()}
        origin = Origin(layout=("crun", "runc", "")[number % 3], document=crun(pod).document, namespace=name)
        repository.save_sandbox(SandboxState(sid=f"s{number}"), {name: ContainerState()}, origins={name: origin})
    field = {"name": "container_name"}.get(sort, sort)
    whole = repository.summaries(sort=sort)
    values = [getattr(one, field) for one in whole]
    assert len(set(values)) > 1
    assert values == sorted(values)
    assert [one.sid for one in repository.summaries(sort=f"-{sort}")] == [one.sid for one in reversed(whole)]
    for at in (None, datetime.now(UTC)):
        for read in (repository.summaries, repository.find):
            paged: list[str] = []
            after = None
            while page := read(sort=sort, limit=2, after=after, at=at):
                paged += [one.sid for one in page]
                after = page.cursor
                if after is None:
                    break
            assert paged == [one.sid for one in whole]
