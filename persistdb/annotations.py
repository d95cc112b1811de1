"""The names that container engines give to containers and pods, in annotations of the runtimes' files.

Sources: containerd ``pkg/cri/annotations/annotations.go``; CRI-O ``pkg/annotations/annotations.go`` and the kubelet's
labels (``pkg/kubelet/types/labels.go``), which dockershim and CRI-O hand on; Podman ``pkg/annotations``; nerdctl
``pkg/labels/labels.go``, whose labels are annotations, too; for dockershim, Kata's ``pkg/containerd``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from .errors import InvalidValue
from .validation import KEY_LENGTH, check_text, invalid_id

if TYPE_CHECKING:
    from collections.abc import Mapping

SANDBOX_ID: Final = (
    "io.kubernetes.cri.sandbox-id",  # containerd
    "io.kubernetes.cri-o.SandboxID",  # CRI-O and Podman
    "io.kubernetes.sandbox.id",  # dockershim
)
"""The annotations that name a container's sandbox."""

POD_NAMESPACE: Final = (
    "io.kubernetes.cri.sandbox-namespace",  # containerd
    "io.kubernetes.pod.namespace",  # the kubelet
    "io.kubernetes.cri-o.Namespace",  # CRI-O
)
POD_NAME: Final = (
    "io.kubernetes.cri.sandbox-name",  # containerd
    "io.kubernetes.pod.name",  # the kubelet
    "io.kubernetes.cri-o.KubeName",  # CRI-O, of a sandbox
)
POD_UID: Final = (
    "io.kubernetes.cri.sandbox-uid",  # containerd
    "io.kubernetes.pod.uid",  # the kubelet
)
CONTAINER_NAME: Final = (
    "io.kubernetes.cri.container-name",  # containerd
    "io.kubernetes.container.name",  # the kubelet
    "nerdctl/name",  # nerdctl
    "io.kubernetes.cri-o.ContainerName",  # CRI-O, with the pod's name in it
)
IMAGE: Final = (
    "io.kubernetes.cri.image-name",  # containerd
    "io.kubernetes.cri-o.ImageName",  # CRI-O
    "io.kubernetes.cri-o.Image",  # CRI-O: an ID in some releases
    "io.kubernetes.cri.podsandbox.image-name",  # containerd, of a sandbox
)
BUNDLE: Final = (
    "io.katacontainers.pkg.oci.bundle_path",
    "com.github.containers.virtcontainers.pkg.oci.bundle_path",  # up to Kata 1.8
)
"""The annotations in which Kata keeps the path of a container's bundle (``virtcontainers/pkg/annotations``)."""
NAMESPACE: Final = "nerdctl/namespace"
"""The annotation that names containerd's namespace; others are known by paths (:func:`namespace_of`)."""

# containerd's folder of a task: io.containerd.runtime.v2.task/NAMESPACE/ID, and v1.linux before 1.2
_TASK: Final = re.compile(r"/.*/io\.containerd\.runtime\.v[12]\.[a-z]+/([^/]+)/[^/]+/?")
# the roots that containerd's and Docker's shims give to a runtime
_ROOT: Final = re.compile(r".*/(?:containerd|docker)/(?:runc|runtime-[^/]+)/([^/]+)/?")


class Names(NamedTuple):
    """What people call a container: its pod as ``NAMESPACE/NAME``, the pod's UID, its name in the pod, its image.

    Each is empty where the files do not tell it. The name of a container that Podman started is in Podman's database.
    """

    pod: str = ""
    pod_uid: str = ""
    container_name: str = ""
    image: str = ""


NO_NAMES: Final = Names()
_NAMING: Final = frozenset((*POD_NAMESPACE, *POD_NAME, *POD_UID, *CONTAINER_NAME, *IMAGE))


def names_of(annotations: Mapping[str, str]) -> Names:
    """Return the names in annotations: the first of each kind that is not empty."""
    if _NAMING.isdisjoint(annotations):
        return NO_NAMES
    name, namespace = _first(annotations, POD_NAME), _first(annotations, POD_NAMESPACE)
    return Names(
        # Kubernetes allows no slash in a namespace: what has one names no pod
        pod=f"{namespace}/{name}" if name and "/" not in namespace else "",
        pod_uid=_first(annotations, POD_UID),
        container_name=_first(annotations, CONTAINER_NAME),
        image=_first(annotations, IMAGE),
    )


def _first(annotations: Mapping[str, str], names: tuple[str, ...]) -> str:
    for name in names:
        if value := annotations.get(name):
            return value
    return ""


def sid_of(annotations: Mapping[str, str]) -> str | None:
    """Return the sandbox that annotations name, ``None`` if they name none, or what is no ID."""
    for name in SANDBOX_ID:
        sid = annotations.get(name)
        if sid is not None and invalid_id(sid) is None:
            return sid
    return None


def namespace_of(annotations: Mapping[str, str], bundle: str, folder: str = "") -> str:
    """Return containerd's namespace of a container, empty if nothing names one.

    It is named by an annotation, by the path of its bundle, or by ``folder``, the one that has the runtime's folders.
    """
    named = annotations.get(NAMESPACE) or _match(_TASK, bundle or _first(annotations, BUNDLE)) or _match(_ROOT, folder)
    try:
        check_text(named)
    except InvalidValue:
        return ""
    return named if len(named) <= KEY_LENGTH else ""


def _match(place: re.Pattern[str], path: str) -> str:
    match = place.fullmatch(path)
    return "" if match is None else match[1]
