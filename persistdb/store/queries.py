"""What is asked of the store: one container or sandbox, lists, look-ups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..db import work
from ..errors import InvalidValue, NotFound, Unreadable
from ..filters import ALL_HOSTS, Scope
from ..records import Changes, Version
from ..validation import INT64, check_count, check_ids, check_several, check_unseen, check_version, check_zoned
from . import lookup, past_reader, shapes
from .audits import Audits
from .differences import changes
from .lists import Lists, Part, refuse
from .lookup import ContainerIDs
from .past_reader import PastReader, Place
from .reader import Reader
from .seen import Sightings
from .stored import SpoiltSandbox

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from datetime import datetime

    from ..db.work import Runner
    from ..filters import Filter
    from ..records import AuditFinding, Container, ContainerSummary, PastHolder, Sandbox, StoredFinding
    from .audits import SeenHost, SeenSandbox
    from .compiled import Compiled
    from .cursors import Named, Page
    from .lists import OnUnreadable

PAGE = 200
"""Containers that an iteration reads with one statement: their payloads fit in a CPU's cache."""


def _version(before: Container | None, container: Container, end: datetime | None, *, removed: bool) -> Version:
    differences = Changes() if before is None else changes(before, container)
    return Version(container=container, valid_to=end, removed=removed, changes=differences)


class Queries:
    """The questions to the sandboxes and containers of one host, and of all hosts."""

    def __init__(self, runner: Runner, host: str, compiled: Compiled) -> None:
        self.host = host
        self._runner, self._compiled = runner, compiled
        self._own_lists = Lists(runner, compiled)
        self._statements, self._selects, self._decode = compiled.statements, compiled.selects, compiled.decode
        self._salvage = compiled.salvage
        self._reader = Reader(host, compiled.statements, compiled.decode, compiled.salvage)
        self._past = PastReader(host, compiled.database, compiled.past, compiled.decode, compiled.salvage)
        self._sightings = Sightings(compiled.database, host, compiled.seen)

    def _lists(self, at: datetime | None = None) -> Lists:
        """Return what reads lists, of what was at a time if it is given."""
        return self._own_lists if at is None else self._past_lists(self._runner, self._compiled, at)

    def _past_lists(self, runner: Runner, compiled: Compiled, at: datetime) -> Lists:
        check_zoned("at", at)
        from .past_lists import PastLists  # start-up: its statements are built, which takes SQLAlchemy

        return PastLists(runner, compiled, at, lambda: runner.read(lambda: past_reader.check(compiled.database, at)))

    # --- one container or sandbox

    def get(self, sid: str, cid: str, *, at: datetime | None = None, revision: int | None = None) -> Container:
        """Load one container: as it is, as it was ``at`` a time, or as it was in a ``revision``.

        Its ``updated_at`` is when it came to be as it then was. Raises :class:`~persistdb.errors.NotFound`,
        :class:`~persistdb.errors.Unreadable`, and for what was :class:`~persistdb.errors.BeforeHorizon`,
        :class:`~persistdb.errors.HistoryOff`.
        """
        check_ids(sid, cid, revision)
        if at is None and revision is None:
            return self._runner.read(lambda: self._reader.container(sid, cid))
        check_version(at, revision)
        if at is not None:
            return self._runner.read(lambda: self._past.container(sid, cid, at))
        return self._runner.read(lambda: self._past.container_of(sid, cid, revision or 0))

    def exists(self, sid: str, cid: str) -> bool:
        """Return whether there is such a container."""
        check_ids(sid, cid)
        return self._runner.read(lambda: self._reader.revision(sid, cid)) is not None

    def load_sandbox(self, sid: str, *, at: datetime | None = None, revision: int | None = None) -> Sandbox:
        """Load a sandbox with all its containers: as it is, as it was ``at`` a time, or in a ``revision``.

        Revisions of a sandbox are found by their times: one that lasted for none, or began while a clock was set back
        against another change, is not found.

        Raises :class:`~persistdb.errors.NotFound`, :class:`~persistdb.errors.Unreadable`, which names the container
        that cannot be read, or the sandbox if it is its own row, and for what was what :meth:`get` does.
        """
        check_ids(sid, "", revision)
        if at is None and revision is None:
            return self._runner.read(lambda: self._reader.sandbox(sid))
        check_version(at, revision)
        if at is not None:
            return self._runner.read(lambda: self._past.sandbox(sid, at))
        return self._runner.read(lambda: self._past.sandbox_of(sid, revision or 0))

    def history(self, sid: str, cid: str, *, batch: int = PAGE) -> Iterator[Version]:
        """Yield the versions of a container, the first one first, ``batch`` of them in memory at a time.

        Containers that had the same IDs one after the other are told apart by their ``created_at``. It begins with the
        first version that is kept. Raises :class:`~persistdb.errors.NotFound`, :class:`~persistdb.errors.Unreadable`,
        :class:`~persistdb.errors.HistoryOff`.
        """
        check_ids(sid, cid)
        check_count("batch", batch, 1)
        horizon = self._runner.read(lambda: past_reader.horizon(self._compiled.database))
        ref, found = f"{sid}/{cid}", False
        for id_ in self._runner.read(lambda: self._past.lifetimes(sid, cid)):
            for version in self._versions(ref, Place(id_, horizon, INT64[-1]), batch):
                found = True
                yield version
        if not found:
            raise NotFound("container", ref, self.host)

    def _versions(self, ref: str, place: Place, batch: int) -> Iterator[Version]:
        last: tuple[Container, datetime | None] | None = None
        before: Container | None = None
        size = batch
        while size == batch:
            page = self._runner.read(lambda: self._past.versions_after(ref, place, batch))  # noqa: B023  run at once
            size = len(page)
            for one in page:
                if last is not None:
                    yield _version(before, *last, removed=False)
                    before = last[0]
                last = one
                container, end = one
                if end is None:
                    size = 0  # it is live
                else:
                    place = Place(place.id, end, container.revision)
        if last is not None:
            yield _version(before, *last, removed=last[1] is not None)

    # --- look-ups

    def find(
        self,
        *filters: Filter | str,
        sort: str = "sid",
        limit: int | None = None,
        offset: int = 0,
        after: Named | str | None = None,
        all_hosts: bool = False,
        at: datetime | None = None,
        on_unreadable: OnUnreadable | None = None,
    ) -> Page[Container]:
        """Return the containers that match all filters, sorted, in one select.

        With ``at`` they are those that matched at that time, as they were.

        A filter is text such as ``state=running``, or a :class:`~persistdb.filters.Filter`.

        A container whose rows no record can hold is left out and given to ``on_unreadable``, as the
        :class:`~persistdb.errors.Unreadable` that names it; without that function the first one is raised.

        For the next page give this one's ``cursor`` as ``after``; in a list by names (``sid``, ``cid``, ``host``) its
        last container does, too. It begins there whatever was added or removed before, and passes over nothing, as an
        ``offset`` does.

        Raises :class:`~persistdb.errors.InvalidValue` for text that is no filter, an unknown sort order, and an
        ``after`` of another one; with ``at`` :class:`~persistdb.errors.BeforeHorizon`,
        :class:`~persistdb.errors.HistoryOff`.
        """
        part = Part(sort, limit, offset, after)
        return self._lists(at).find(filters, part, self._scope(all_hosts), on_unreadable or refuse)

    def summaries(
        self,
        *filters: Filter | str,
        sort: str = "sid",
        limit: int | None = None,
        offset: int = 0,
        after: Named | str | None = None,
        all_hosts: bool = False,
        at: datetime | None = None,
        on_unreadable: OnUnreadable | None = None,
    ) -> Page[ContainerSummary]:
        """Return what ``find`` does, as a list shows it: for a page of many it takes a fifth of the time.

        A value that a summary does not have makes no container unreadable here.
        """
        part = Part(sort, limit, offset, after)
        return self._lists(at).summaries(filters, part, self._scope(all_hosts), on_unreadable or refuse)

    def iterate(
        self,
        *filters: Filter | str,
        sort: str | None = None,
        after: Named | str | None = None,
        batch: int = PAGE,
        all_hosts: bool = False,
        at: datetime | None = None,
        on_unreadable: OnUnreadable | None = None,
    ) -> Iterator[Container]:
        """Yield the containers that match all filters, ``batch`` of them in memory at a time.

        With ``at`` they are those that matched at that time, as they were; ``find`` says more.

        They come in the order that costs least, or in the one of ``sort``, behind ``after`` if it is given, as the
        pages of ``find`` do. For an order that no index has, all further containers are sorted for each batch.

        A container that is added or removed meanwhile, or that the order of ``sort`` puts elsewhere, may be missed; any
        other comes once. One that cannot be read is left out and given to ``on_unreadable``, as ``find`` does; without
        that function
        :class:`~persistdb.errors.Unreadable` is raised in its place, which ends the iteration.
        """
        check_count("batch", batch, 1)
        scope, report = self._scope(all_hosts), on_unreadable or refuse
        if sort is not None:
            yield from self._lists(at).iterate_sorted(filters, Part(sort, batch, 0, after), scope, report)
            return
        if after is not None:
            raise InvalidValue("after", after, "is a place in an order: give sort, too")
        yield from self._lists(at).iterate(filters, batch, scope, report)

    def count(self, *filters: Filter | str, all_hosts: bool = False, at: datetime | None = None) -> int:
        """Return how many containers match all filters, or did at a time."""
        return self._lists(at).count(filters, self._scope(all_hosts))

    def look_up(self, ref: str, *, all_hosts: bool = False, at: datetime | None = None) -> Container:
        """Find a container by ``CID`` or ``SID/CID``; each may be abbreviated to a prefix that no other one has.

        An exact match wins over longer IDs, and no character is a wildcard. What is no ID is taken for a name: of a
        container in its pod, a pod's (``NAMESPACE/POD``), which is its only container but the sandbox's, or both
        (``NAMESPACE/POD/CONTAINER``). With ``at`` an ID is looked for among the containers of that time.

        Raises :class:`~persistdb.errors.NotFound`, :class:`~persistdb.errors.Ambiguous`, and
        :class:`~persistdb.errors.Unreadable` if it is this container that cannot be read.
        """
        scope = self._scope(all_hosts)
        if at is not None:
            found = self.find(*lookup.filters_of(ref, scope), limit=lookup.CANDIDATES, all_hosts=all_hosts, at=at)
            return lookup.one_container(ref, found, scope)
        few, bounds = self._statements.look_up, lookup.bounds(ref, scope)
        first: Sequence[Container] | None = None
        if few is not None and "sid" not in bounds:
            first = self._runner.read(lambda: self._salvage.all_of(few, bounds, self._decode.container))
        if first is not None and len(first) < 2:
            if first and (all_hosts or first[0].host == self.host):
                return first[0]
            candidates: Sequence[Container] | None = ()
        else:
            statement, values = lookup.container_query(self._selects, scope, ref)
            candidates = self._runner.read(lambda: self._salvage.all_of(statement, values, self._decode.container))
        if candidates:
            return lookup.one_container(ref, candidates, scope)
        if candidates is None:  # one cannot be read, perhaps not the one that is asked for
            host, sid, cid = self.look_up_ids(ref, all_hosts=all_hosts)
        else:
            host, sid, cid = self._by_name(ref, scope)
        return Queries(self._runner, host, self._compiled).get(sid, cid)

    def look_up_ids(self, ref: str, *, all_hosts: bool = False, ever: bool = False) -> ContainerIDs:
        """Find a container's IDs as ``look_up`` does, also of one that cannot be read; ``ever``: or that was there.

        Raises :class:`~persistdb.errors.NotFound`, :class:`~persistdb.errors.Ambiguous`.
        """
        scope = self._scope(all_hosts)
        if ever:
            given = lookup.bounds(ref, scope)
            known = self._compiled.past.look_up_ever[2 * all_hosts + ("sid" in given)]
            names = self._runner.read(lambda: work.rows(known, {**given, "host": scope.host}))
            return lookup.one_container(ref, [ContainerIDs(*name) for name in names], scope)
        candidates = self._ids(lookup.filters_of(ref, scope), scope, "sid" if "/" in ref else "cid")
        return lookup.one_container(ref, candidates, scope) if candidates else self._by_name(ref, scope)

    def _by_name(self, ref: str, scope: Scope) -> ContainerIDs:
        return lookup.one_named(ref, self._named(ref, scope), scope)

    def _named(self, ref: str, scope: Scope) -> list[ContainerIDs]:
        filters = lookup.named(ref)
        return self._ids(filters, scope, "sid") if filters else []

    def _ids(self, filters: Sequence[Filter], scope: Scope, sort: str) -> list[ContainerIDs]:
        shape, values = shapes.split(filters, scope)
        number = lookup.CANDIDATES
        statement, page = self._selects.names(shape, sort), {"limit": number, "offset": 0, "until": number}
        return [ContainerIDs(*name) for name in self._runner.read(lambda: work.rows(statement, values | page))]

    def look_up_sandbox(self, ref: str, *, at: datetime | None = None, ever: bool = False) -> str:
        """Find a sandbox's ID by a prefix that no other sandbox of the host has; an exact match wins.

        It is looked for among those that were there ``at`` a time, or ``ever``.

        What is no ID is taken for a pod's name, ``NAMESPACE/POD``. Raises :class:`~persistdb.errors.NotFound`,
        :class:`~persistdb.errors.Ambiguous`.
        """
        values = lookup.sandbox_parameters(self.host, ref)
        if at is not None:
            check_zoned("at", at)
            sids = self._runner.read(lambda: self._past.sandbox_ids(values, at))
            return lookup.one_sandbox(ref, sids, host=self.host)
        known = self._compiled.past.look_up_sandbox_ever if ever else self._statements.look_up_sandbox
        rows = self._runner.read(lambda: work.rows(known, values))
        sids = [sid for (sid,) in rows]
        if not sids and ref.count("/") == 1:
            sids = sorted({one.sid for one in self._named(ref, Scope(self.host))})
        return lookup.one_sandbox(ref, sids, host=self.host)

    def sandbox_ids(self) -> list[str]:
        """Return the IDs of the host's sandboxes, sorted."""
        return self._runner.read(self._reader.sandbox_ids)

    def unseen(
        self, source: str, *, before: datetime, layouts: Collection[str] | None = None, keep: Collection[str] = ()
    ) -> dict[str, str]:
        """Return the sandboxes that imports found in a folder, but not since ``before``, with their files' layouts.

        One that was changed since is not among them, nor one in ``keep``, nor, with ``layouts``, one of another layout.
        """
        check_unseen(source, before, layouts, keep)
        return self._runner.read(lambda: self._sightings.unseen(source, before, layouts, keep, lock=False))

    def namespaces(self) -> dict[str, frozenset[str]]:
        """Return the namespaces of containerd that each sandbox of the host has containers in, if any."""
        return self._runner.read(self._sightings.namespaces)

    def findings(self, *, open_only: bool = True) -> list[StoredFinding]:
        """Return what audits found of this host, sorted by check and subject; also what is gone, if wanted."""
        return self._runner.read(lambda: self._audits().findings(open_only=open_only))

    def known_findings(self, findings: Sequence[AuditFinding]) -> list[StoredFinding]:
        """Return what is stored of this host's findings with these checks and subjects, also of what is gone.

        A statement for up to 2,000 of them.
        """
        check_several("findings", findings)
        return self._runner.read(lambda: self._audits().known(findings))

    def seen(self) -> tuple[SeenHost | None, list[SeenSandbox]]:
        """Return when imports last read the host's files, in which boot, and where they last found each sandbox."""
        return self._runner.read(self._audits().seen)

    def past_holders(self, *, paths: Collection[str] = (), sids: Collection[str] = ()) -> list[PastHolder]:
        """Return the removed containers that had one of these paths on this host, and the removed ones of ``sids``.

        A path is one that the runtime mounted on the host, or a root file system. What is there under the same ID
        again is returned, too. A few statements, however many paths.
        """
        check_several("paths", paths)
        check_several("sids", sids)
        holders = self._runner.read(lambda: self._audits().holders(sorted(set(paths))))
        return [*holders, *self._runner.read(lambda: self._audits().removed(sorted(set(sids))))]

    def _audits(self) -> Audits:
        return Audits(self._compiled.database, self.host, self._compiled.audits)

    def boot_id(self) -> str | None:
        """Return the boot of the host in which an import last read its files; ``None`` if no import told."""
        return self._runner.read(self._sightings.boot_id)

    def sources(self) -> dict[str, int]:
        """Return the folders in which imports found the host's sandboxes, with the number of them."""
        return self._runner.read(self._sightings.sources)

    def load_sandboxes(
        self, *, batch: int = 100, at: datetime | None = None, on_unreadable: OnUnreadable | None = None
    ) -> Iterator[Sandbox]:
        """Yield the host's sandboxes with their containers, sorted by ID, ``batch`` of them in memory at a time.

        With ``at`` they are those that were there at that time, as they were.

        A sandbox that cannot be read, or one of whose containers cannot, is left out as a whole. ``on_unreadable`` is
        given one :class:`~persistdb.errors.Unreadable` for its own row and one for each such container; without that
        function the first is raised, which ends the iteration.
        """
        check_count("batch", batch, 1)
        report = on_unreadable or refuse
        for one in self._sandboxes(batch) if at is None else self._past_sandboxes(at, batch):
            if isinstance(one, SpoiltSandbox):
                for fault in one.faults:
                    report(fault)
            else:
                yield one

    def _sandboxes(self, batch: int) -> Iterator[Sandbox | SpoiltSandbox]:
        last = ""
        while (page := self._runner.read(lambda: self._reader.sandboxes_after(last, batch))) is not None:  # noqa: B023  run at once
            yield from page
            if len(page) < batch:
                return
            last = page[-1].sid if isinstance(page[-1], SpoiltSandbox) else page[-1].record.sid
        for id_ in self._runner.read(lambda: self._reader.rows_after(last)):
            one = self._runner.read(lambda: self._reader.sandbox_of_row(id_))  # noqa: B023  the same
            if one is not None:
                yield one

    def _past_sandboxes(self, at: datetime, batch: int) -> Iterator[Sandbox | SpoiltSandbox]:
        check_zoned("at", at)
        last, size = "", batch
        while size == batch:
            page = self._runner.read(lambda: self._past.sandboxes_after(last, at, batch))  # noqa: B023  run at once
            yield from page
            size = len(page)
            last = last if not page else page[-1].sid if isinstance(page[-1], SpoiltSandbox) else page[-1].record.sid

    def unreadable_sandboxes(self, *, batch: int = PAGE) -> Iterator[Unreadable]:
        """Yield an error for each sandbox, on all hosts, whose own row cannot be read."""
        return (each for each in self.own_rows(batch=batch) if isinstance(each, Unreadable))

    def own_rows(self, *, batch: int = PAGE) -> Iterator[Sandbox | Unreadable]:
        """Yield each sandbox on all hosts without its containers, or the error for one whose own row cannot be read."""
        after: int | None = 0
        while after is not None:
            after, rows = self._runner.read(lambda: self._salvage.own_rows_after(after or 0, batch))  # noqa: B023  run at once
            yield from rows

    def _scope(self, all_hosts: bool) -> Scope:
        return ALL_HOSTS if all_hosts else Scope(self.host)
