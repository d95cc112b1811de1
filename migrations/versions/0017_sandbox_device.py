"""The devices that Kata attached to a sandbox are rows, and sandboxes know the processes of their virtual machines.

Before, both were in documents only: the view ``sandbox_devices`` took them apart in each query, and nothing told who
holds a host device. Rows that are there are filled from the documents that are stored with them, as a save fills new
ones (``persistdb/virtual_machines.py``). On MariaDB a value of a device that is of another type than Kata writes,
such as a number for an ID, is converted, for JSON_TABLE does not tell; a save leaves it out, and ``persistdb db check``
names it.

Downgrade: loses nothing: all of it is in the documents.
"""

from typing import Protocol

import sqlalchemy as sa
from alembic import op

from persistdb.schema import ops

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

# A program that does not know of devices would leave those of before.
MIN_READER = "0011"
MIN_WRITER = "0017"
LOSES: dict[str, str] = {}

COLUMNS = (
    sa.Column("hypervisor_pid", ops.BIGINT, nullable=True),
    sa.Column("hypervisor_path", ops.TEXT, nullable=True),
    sa.Column("virtiofsd_pid", ops.BIGINT, nullable=True),
    sa.Column("netns_path", ops.TEXT, nullable=True),
)

DEVICE = ops.table(
    "sandbox_device",
    sa.Column("sandbox_id", ops.ID, nullable=False, autoincrement=False),
    sa.Column("position", ops.INTEGER, nullable=False, autoincrement=False),
    sa.Column("device_id", ops.TEXT, nullable=True),
    sa.Column("type", ops.TEXT, nullable=True),
    sa.Column("kind", ops.key(16), nullable=True),
    sa.Column("major", ops.BIGINT, nullable=True),
    sa.Column("minor", ops.BIGINT, nullable=True),
    sa.Column("host_path", ops.TEXT, nullable=True),
    sa.Column("ref_count", ops.BIGINT, nullable=True),
    sa.Column("attach_count", ops.BIGINT, nullable=True),
    sa.PrimaryKeyConstraint("sandbox_id", "position", name="pk_sandbox_device"),
    sa.ForeignKeyConstraint(["sandbox_id"], ["sandbox.id"], name="fk_sandbox_device_sandbox", ondelete="CASCADE"),
    rowid=False,
)
HAS_ADDRESS = sa.text("bdf <> ''")
VFIO = ops.table(
    "vfio_device",
    sa.Column("sandbox_id", ops.ID, nullable=False, autoincrement=False),
    sa.Column("device_position", ops.INTEGER, nullable=False, autoincrement=False),
    sa.Column("position", ops.INTEGER, nullable=False, autoincrement=False),
    sa.Column("bdf", ops.TEXT, nullable=False),
    sa.Column("sysfs_dev", ops.TEXT, nullable=False),
    sa.PrimaryKeyConstraint("sandbox_id", "device_position", "position", name="pk_vfio_device"),
    sa.ForeignKeyConstraint(
        ["sandbox_id", "device_position"],
        ["sandbox_device.sandbox_id", "sandbox_device.position"],
        name="fk_vfio_device_sandbox_device",
        ondelete="CASCADE",
    ),
    sa.Index(
        "ix_vfio_device_bdf",
        "bdf",
        sqlite_where=HAS_ADDRESS,
        postgresql_where=HAS_ADDRESS,
        postgresql_using="spgist",
        mysql_length=255,
        mariadb_length=255,
    ),
    rowid=False,
)

# The lists of devices: of persist.json, and of the old store. Paths of values: those that the first has of an entry,
# and the second's.
LISTS = (("Devices",), ("devices.json",))
DEVICES = {
    "device_id": (("ID",), ("Data", "ID")),
    "type": (("Type",),),
    "kind": (("DevType",), ("Data", "DeviceInfo", "DevType")),
    "major": (("Major",), ("Data", "DeviceInfo", "Major")),
    "minor": (("Minor",), ("Data", "DeviceInfo", "Minor")),
    "host_path": (("BlockDrive", "File"), ("Data", "BlockDrive", "File")),
    "ref_count": (("RefCount",), ("Data", "RefCount")),
    "attach_count": (("AttachCount",), ("Data", "AttachCount")),
}
NUMBERS = frozenset({"major", "minor", "ref_count", "attach_count", "hypervisor_pid", "virtiofsd_pid"})
VFIO_LISTS = (("VFIODevs",), ("Data", "VfioDevs"))
MACHINE = {
    "hypervisor_pid": (("HypervisorState", "Pid"),),
    "hypervisor_path": (
        ("Config", "HypervisorConfig", "HypervisorPath"),
        ("config.json", "HypervisorConfig", "HypervisorPath"),
    ),
    "virtiofsd_pid": (("HypervisorState", "VirtiofsDaemonPid"), ("HypervisorState", "VirtiofsdPid")),
    "netns_path": (("Network", "NetworkID"), ("Network", "NetNsPath"), ("network.json", "NetNsPath")),
}
KINDS = "WHEN 'b' THEN 'block' WHEN 'c' THEN 'char' WHEN 'u' THEN 'char' WHEN 'p' THEN 'fifo'"
MOST = 2**63 - 1

# An escaped NUL becomes U+FFFD, but not what follows an escaped backslash: those are put away meanwhile, behind a
# character that no JSON has.
NO_NUL = "replace(replace(replace(document, '\\\\', {away}), '\\u0000', '\\ufffd'), {away}, '\\\\')"

# A cast to JSON that fails cannot be caught in SQL itself; an escaped NUL is no character to this engine.
JSON = f"""CREATE FUNCTION persistdb_0017_json(document text) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  IF strpos(document, chr(1)) > 0 THEN
    RETURN NULL;
  END IF;
  RETURN CAST({NO_NUL.format(away="chr(1)")} AS jsonb);
EXCEPTION WHEN others THEN
  RETURN NULL;
END
$$"""


class _Engine(Protocol):
    """How an engine reads documents: each value as SQL."""

    def items(self) -> tuple[str, str]:
        """Return a source of entries of the lists of devices, and an entry's place."""

    def value(self, of: str, keys: tuple[str, ...], *, is_number: bool) -> str:
        """Return a value of an entry."""

    def of_document(self, keys: tuple[str, ...], *, is_number: bool) -> str:
        """Return a value of a document."""

    def of_vfio(self, keys: tuple[str, ...]) -> tuple[str, str, str]:
        """Return a source of the entries of one of an entry's lists, an entry's place, and what it is called."""

    def update(self, values: dict[str, str]) -> str:
        """Return the statement that sets columns of sandboxes to values of their documents."""


class _SQLite:
    """What differs between the engines: here, that functions for JSON raise for what is none."""

    def path(self, *keys: str) -> str:
        return "'$" + "".join(f'."{key}"' for key in keys) + "'"

    def parsed(self) -> str:
        document = NO_NUL.format(away="char(1)")
        return f"(SELECT id, CASE WHEN json_valid(document) THEN {document} END AS whole FROM sandbox) AS o"

    def items(self) -> tuple[str, str]:
        known = " ".join(f"WHEN json_type(o.whole, {p}) = 'array' THEN {p}" for p in (self.path(*p) for p in LISTS))
        return f"{self.parsed()}, json_each(o.whole, CASE {known} END) AS item", "item.key"

    def of_vfio(self, keys: tuple[str, ...]) -> tuple[str, str, str]:
        path = self.path(*keys)
        is_list = f"item.type = 'object' AND json_type(item.value, {path}) = 'array'"
        return f"{self.items()[0]}, json_each(CASE WHEN {is_list} THEN item.value END, {path}) AS v", "v.key", "v"

    def value(self, of: str, keys: tuple[str, ...], *, is_number: bool) -> str:
        path = self.path(*keys)
        value = f"json_extract({of}.value, {path})"
        value = f"CAST({value} AS INTEGER)" if is_number else value
        kind = "integer" if is_number else "text"
        typed = f"CASE json_type({of}.value, {path}) WHEN '{kind}' THEN {value} END"
        return f"CASE {of}.type WHEN 'object' THEN {typed} END"

    def of_document(self, keys: tuple[str, ...], *, is_number: bool) -> str:
        path, kind = self.path(*keys), "integer" if is_number else "text"
        value = f"json_extract(o.whole, {path})"
        value = f"CAST({value} AS INTEGER)" if is_number else value
        return f"CASE json_type(o.whole, {path}) WHEN '{kind}' THEN {value} END"

    def update(self, values: dict[str, str]) -> str:
        columns, given = ", ".join(values), ", ".join(values.values())
        return (
            f"UPDATE sandbox SET ({columns}) = (SELECT {given} FROM {self.parsed()} WHERE o.id = sandbox.id)"
            " WHERE document IS NOT NULL"
        )


class _PostgreSQL:
    """Here, that a document is parsed by a function, once."""

    def parsed(self) -> str:
        # OFFSET 0: else the document would be parsed for each of its parts
        document = "persistdb_0017_json(document) AS whole"
        return f"(SELECT id, {document} FROM sandbox WHERE document IS NOT NULL OFFSET 0) AS o"

    def at(self, value: str, *keys: str) -> str:
        return " -> ".join([value, *(f"'{key}'" for key in keys)])

    def items(self) -> tuple[str, str]:
        lists = [self.at("o.whole", *keys) for keys in LISTS]
        found = " ".join(f"WHEN jsonb_typeof({each}) = 'array' THEN {each}" for each in lists)
        elements = f"jsonb_array_elements(CASE {found} END) WITH ORDINALITY AS item(value, number)"
        return f"{self.parsed()} CROSS JOIN LATERAL {elements}", "item.number - 1"

    def of_vfio(self, keys: tuple[str, ...]) -> tuple[str, str, str]:
        found = self.at("item.value", *keys)
        elements = f"jsonb_array_elements(CASE WHEN jsonb_typeof({found}) = 'array' THEN {found} END)"
        entries = f"CROSS JOIN LATERAL {elements} WITH ORDINALITY AS v(value, number)"
        return f"{self.items()[0]} {entries}", "v.number - 1", "v"

    def value(self, of: str, keys: tuple[str, ...], *, is_number: bool) -> str:
        return self._value(f"{of}.value", keys, is_number=is_number)

    def of_document(self, keys: tuple[str, ...], *, is_number: bool) -> str:
        return self._value("o.whole", keys, is_number=is_number)

    def _value(self, of: str, keys: tuple[str, ...], *, is_number: bool) -> str:
        found = self.at(of, *keys)
        text = f"({found}) #>> '{{}}'"
        if not is_number:
            return f"CASE jsonb_typeof({found}) WHEN 'string' THEN {text} END"
        number = f"CAST(greatest(least(CAST({text} AS numeric), {MOST}), -{MOST + 1}) AS bigint)"
        return f"CASE WHEN jsonb_typeof({found}) = 'number' AND strpos({text}, '.') = 0 THEN {number} END"

    def update(self, values: dict[str, str]) -> str:
        given = ", ".join(f"{value} AS {name}" for name, value in values.items())
        columns = ", ".join(f"{name} = x.{name}" for name in values)
        documents = f"(SELECT id, {given} FROM {self.parsed()}) AS x"
        return f"UPDATE sandbox SET {columns} FROM {documents} WHERE x.id = sandbox.id"


class _MariaDB:
    """Here, that values are columns of JSON_TABLE, which raises for text that is no JSON."""

    text = "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin"

    def path(self, *keys: str) -> str:
        return "$" + "".join(f'."{key}"' for key in keys)

    def items(self) -> tuple[str, str]:
        return self._table(""), "item.number - 1"

    def _table(self, nested: str) -> str:
        lists = [f"json_extract(o.document, '{self.path(*keys)}')" for keys in LISTS]
        found = " ".join(f"WHEN json_type({each}) = 'ARRAY' THEN {each}" for each in lists)
        found = f"CASE WHEN NOT json_valid(o.document) THEN '[]' {found} ELSE '[]' END"
        columns = ["number FOR ORDINALITY"]
        for paths in DEVICES.values():
            columns += [f"{self._name(keys)} {self.text} PATH '{self.path(*keys)}'" for keys in paths]
        columns = columns if not nested else [columns[0], nested]
        table = f"JSON_TABLE({found}, '$[*]' COLUMNS ({', '.join(columns)})) AS item"
        return f"sandbox AS o JOIN {table}"

    def _name(self, keys: tuple[str, ...]) -> str:
        return "_".join(keys)

    def value(self, of: str, keys: tuple[str, ...], *, is_number: bool) -> str:
        return self._typed(f"{of}.{self._name(keys)}", is_number=is_number)

    def of_document(self, keys: tuple[str, ...], *, is_number: bool) -> str:
        found = f"json_extract(document, '{self.path(*keys)}')"
        kind, text = "INTEGER" if is_number else "STRING", self._typed(f"json_unquote({found})", is_number=is_number)
        return f"CASE WHEN json_valid(document) THEN CASE json_type({found}) WHEN '{kind}' THEN {text} END END"

    def _typed(self, text: str, *, is_number: bool) -> str:
        if not is_number:
            return f"replace({text}, char(0), '\ufffd')"
        number = f"CAST(greatest(least(CAST({text} AS DECIMAL(65)), {MOST}), -{MOST + 1}) AS SIGNED)"
        return f"CASE WHEN {text} REGEXP '^-?[0-9]+$' THEN {number} END"

    def of_vfio(self, keys: tuple[str, ...]) -> tuple[str, str, str]:
        columns = f"place FOR ORDINALITY, BDF {self.text} PATH '$.BDF', SysfsDev {self.text} PATH '$.SysfsDev'"
        return self._table(f"NESTED PATH '{self.path(*keys)}[*]' COLUMNS ({columns})"), "item.place - 1", "item"

    def update(self, values: dict[str, str]) -> str:
        columns = ", ".join(f"{name} = {value}" for name, value in values.items())
        return f"UPDATE sandbox SET {columns} WHERE document IS NOT NULL"


def _engine() -> str:
    name = op.get_context().dialect.name
    return "mariadb" if name == "mysql" else name


def _execute(sql: str) -> None:
    # op.execute() takes ":name" for a parameter
    op.execute(sql.replace(":", "\\:"))


def _first(values: list[str]) -> str:
    return values[0] if len(values) == 1 else f"coalesce({', '.join(values)})"


def _concat(*texts: str) -> str:
    return f"concat({', '.join(texts)})" if _engine() == "mariadb" else " || ".join(texts)


def _address() -> str:
    """Return the address of ``x.bdf`` with its domain, which ``x.sysfs_dev`` may have, and which is 0000 if not."""
    colon, number = _concat("':'", "x.bdf"), "strpos" if _engine() == "postgresql" else "instr"
    place = f"{number}(x.sysfs_dev, {colon})"
    found = " ".join(
        f"WHEN {place} > {digits + 1} AND substr(x.sysfs_dev, {place} - {digits + 1}, 1) = '/'"
        f" THEN {_concat(f'substr(x.sysfs_dev, {place} - {digits}, {digits})', colon)}"
        for digits in (4, 5)
    )
    colons = "length(x.bdf) - length(replace(x.bdf, ':', ''))"
    return f"CASE WHEN {colons} <> 1 THEN x.bdf {found} ELSE {_concat(_quoted('0000'), colon)} END"


def _quoted(text: str) -> str:
    return f"'{text}'"


def _fill() -> None:
    engines: dict[str, _Engine] = {"sqlite": _SQLite(), "postgresql": _PostgreSQL(), "mariadb": _MariaDB()}
    engine = engines[_engine()]
    if _engine() == "postgresql":
        _execute(JSON)
    _fill_machines(engine)
    source, position = engine.items()
    values = {
        name: _first([engine.value("item", keys, is_number=name in NUMBERS) for keys in paths])
        for name, paths in DEVICES.items()
    }
    values["kind"] = f"CASE {values['kind']} {KINDS} END"
    _execute(
        f"INSERT INTO sandbox_device (sandbox_id, position, {', '.join(values)})"
        f" SELECT o.id, {position}, {', '.join(values.values())} FROM {source}"
        " WHERE NOT EXISTS (SELECT 1 FROM sandbox_device)"
    )
    for keys in VFIO_LISTS:
        whole, number, of = engine.of_vfio(keys)
        bdf, sysfs_dev = (f"coalesce({engine.value(of, (key,), is_number=False)}, '')" for key in ("BDF", "SysfsDev"))
        _execute(
            f"INSERT INTO vfio_device (sandbox_id, device_position, position, bdf, sysfs_dev)"
            f" SELECT x.id, x.device, x.number, {_address()}, x.sysfs_dev FROM"
            f" (SELECT o.id AS id, {position} AS device, {number} AS number, {bdf} AS bdf, {sysfs_dev} AS sysfs_dev"
            f" FROM {whole}) AS x WHERE x.number IS NOT NULL AND NOT EXISTS"
            " (SELECT 1 FROM vfio_device AS y WHERE y.sandbox_id = x.id AND y.device_position = x.device)"
        )
    if _engine() == "postgresql":
        op.execute("DROP FUNCTION persistdb_0017_json(text)")


def _fill_machines(engine: _Engine) -> None:
    machine = {}
    for name, paths in MACHINE.items():
        is_number = name in NUMBERS
        found = [engine.of_document(keys, is_number=is_number) for keys in paths]
        # 0 is the pid of a process that there is not
        given = [f"CASE WHEN {each} > 0 THEN {each} END" if is_number else f"nullif({each}, '')" for each in found]
        machine[name] = _first(given)
    _execute(engine.update(machine))


def upgrade() -> None:
    """Add the columns and tables, and fill them from the documents."""
    ops.drop_views(down_revision)
    for column in COLUMNS:
        ops.add_column("sandbox", column)
    ops.create(DEVICE, VFIO)
    _fill()
    ops.create_views(revision)
    for table in (DEVICE, VFIO):
        ops.let_write(table.name, "sandbox")
    for name in ("vfio_devices", "history_bounds"):
        ops.let_read(name, "persistdb_version")


def downgrade() -> None:
    """Drop them."""
    ops.drop_views(revision)
    ops.drop("vfio_device", "sandbox_device")
    for column in reversed(COLUMNS):
        ops.drop_column("sandbox", column.name)
    ops.create_views(down_revision)
