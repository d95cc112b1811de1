"""Annotations are rows, and containers have the names of their pods and images, their runtime and namespace.

Before, they were in documents only, which no index serves. ``annotation`` and ``sandbox_annotation`` have what the
documents say; columns of ``container`` have the names that containerd, CRI-O, Podman and the kubelet give
(``persistdb/annotations.py``). Rows that are there are filled from the documents that are stored with them, as a save
fills new ones.

Downgrade: loses the namespaces, which are in no document. All else is derived, and comes back with an upgrade.
"""

import sqlalchemy as sa
from alembic import op

from persistdb.schema import ops

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

# A program that does not know of annotations would leave those of before.
MIN_READER = "0011"
MIN_WRITER = "0015"
LOSES = {"container.namespace": "SELECT count(*) FROM container WHERE namespace <> ''"}


def _annotations(table: str, owner: str) -> sa.Table:
    return ops.table(
        table,
        sa.Column(f"{owner}_id", ops.ID, nullable=False, autoincrement=False),
        sa.Column("position", ops.INTEGER, nullable=False, autoincrement=False),
        sa.Column("name", ops.TEXT, nullable=False),
        sa.Column("value", ops.DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint(f"{owner}_id", "position", name=f"pk_{table}"),
        sa.ForeignKeyConstraint([f"{owner}_id"], [f"{owner}.id"], name=f"fk_{table}_{owner}", ondelete="CASCADE"),
        rowid=False,
    )


ANNOTATION = _annotations("annotation", "container")
SANDBOX_ANNOTATION = _annotations("sandbox_annotation", "sandbox")


def _column(name: str, kind: sa.types.TypeEngine[str], default: str = "") -> sa.Column[str]:
    return sa.Column(name, kind, nullable=False, server_default=sa.text(f"'{default}'"))


COLUMNS = (
    _column("runtime", ops.key(), "kata"),
    _column("namespace", ops.key()),
    *(_column(name, ops.TEXT) for name in ("pod", "pod_uid", "container_name", "image")),
)


def _index(column: str) -> sa.Index:
    where = sa.text(f"{column} <> ''")
    return sa.Index(
        f"ix_container_{column}",
        column,
        sqlite_where=where,
        postgresql_where=where,
        postgresql_using="spgist",
        mysql_length=255,
        mariadb_length=255,
    )


INDEXED = ("pod", "container_name", "image")

POD_NAMESPACE = (
    "io.kubernetes.cri.sandbox-namespace",
    "io.kubernetes.pod.namespace",
    "io.kubernetes.cri-o.Namespace",
)
POD_NAME = ("io.kubernetes.cri.sandbox-name", "io.kubernetes.pod.name", "io.kubernetes.cri-o.KubeName")
NAMES = {
    "pod_uid": ("io.kubernetes.cri.sandbox-uid", "io.kubernetes.pod.uid"),
    "container_name": (
        "io.kubernetes.cri.container-name",
        "io.kubernetes.container.name",
        "nerdctl/name",
        "io.kubernetes.cri-o.ContainerName",
    ),
    "image": (
        "io.kubernetes.cri.image-name",
        "io.kubernetes.cri-o.ImageName",
        "io.kubernetes.cri-o.Image",
        "io.kubernetes.cri.podsandbox.image-name",
    ),
}
BUNDLE = (
    "io.katacontainers.pkg.oci.bundle_path",
    "com.github.containers.virtcontainers.pkg.oci.bundle_path",
)
TASK = "/io.containerd.runtime.v"

# Where a container's own files, by their layout, and a sandbox's have annotations.
OWN = {"crun": ("config.json", "annotations"), "youki": ("state.json", "annotations")}
OLD = ("config.json", "Annotations")
LABELS = ("state.json", "config", "labels")
SANDBOX = (("Config", "Annotations"), OLD)
LISTS = (("Config", "ContainerConfigs"), ("config.json", "Containers"))

JSON = """CREATE FUNCTION persistdb_0015_json(document text) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RETURN CAST(replace(document, '\\u0000', '\\ufffd') AS jsonb);
EXCEPTION WHEN others THEN
  RETURN NULL;
END
$$"""


# --- what the documents say: SELECTs of an owner's ID, a name, a value, and a number, of which the least wins


def _path(*keys: str) -> str:
    return "$" + "".join(f'."{key}"' for key in keys)


def _by_layout(default: str, paths: dict[str, str]) -> str:
    cases = " ".join(f"WHEN '{layout}' THEN {path}" for layout, path in paths.items())
    return f"CASE o.layout {cases} ELSE {default} END"


def _sqlite() -> tuple[list[str], list[str]]:
    def pairs(document: str, path: str) -> str:
        held = f"CASE WHEN json_type({document}, {path}) = 'object' THEN {path} END"
        return f"json_each({document}, {held}) AS a"

    def valid(document: str) -> str:
        # a text ends with a NUL for many of SQLite's functions
        clean = f"replace({document}, '\\u0000', '\\ufffd')"
        return f"CASE WHEN json_valid({document}) THEN {clean} END"

    taken = "a.key, a.value"
    own = _by_layout(f"'{_path(*OLD)}'", {"runc": "NULL", **{name: f"'{_path(*path)}'" for name, path in OWN.items()}})
    document = valid("o.document")
    labels = f"CASE WHEN json_type({document}, '{_path(*LABELS)}') = 'array' THEN '{_path(*LABELS)}' END"
    lists = " ".join(f"WHEN json_type({document}, '{_path(*path)}') = 'array' THEN '{_path(*path)}'" for path in LISTS)
    item = "CASE WHEN i.type = 'object' THEN i.value END"
    return [
        (
            f"SELECT o.id, {taken}, 0 FROM container AS o, {pairs(document, own)}"
            " WHERE o.document IS NOT NULL AND a.type = 'text'"
        ),
        (
            f"SELECT o.id, {_before_equals('a.value')}, {_after_equals('a.value')}, -a.key"
            f" FROM container AS o, json_each({document}, {labels}) AS a"
            f" WHERE o.layout = 'runc' AND a.type = 'text' AND {_is_label('a.value')}"
        ),
        (
            f"SELECT c.id, {taken}, 1 + i.key FROM sandbox AS o,"
            f" json_each({document}, CASE {lists} END) AS i"
            f" JOIN container AS c ON c.sandbox_id = o.id AND c.cid = json_extract({item}, '$.ID'),"
            f" {pairs(item, _quoted('$.Annotations'))} WHERE o.document IS NOT NULL AND a.type = 'text'"
        ),
    ], [
        f"SELECT o.id, {taken}, {number} FROM sandbox AS o, {pairs(document, _quoted(_path(*path)))}"
        " WHERE o.document IS NOT NULL AND a.type = 'text'"
        for number, path in enumerate(SANDBOX)
    ]


def _quoted(text: str) -> str:
    return f"'{text}'"


def _is_label(text: str) -> str:
    return f"{_position(text, _quoted('='))} > 0 AND {_before_equals(text)} <> 'bundle'"


def _before_equals(text: str) -> str:
    return f"substr({text}, 1, {_position(text, _quoted('='))} - 1)"


def _after_equals(text: str) -> str:
    return f"substr({text}, {_position(text, _quoted('='))} + 1)"


def _postgresql() -> tuple[list[str], list[str]]:
    def at(value: str, *keys: str) -> str:
        return " -> ".join([value, *map(_quoted, keys)])

    def pairs(value: str) -> str:
        return f"jsonb_each(CASE WHEN jsonb_typeof({value}) = 'object' THEN {value} END) AS a(name, item)"

    def items(value: str) -> str:
        return f"jsonb_array_elements(CASE WHEN jsonb_typeof({value}) = 'array' THEN {value} END)"

    def parsed(table: str, *columns: str) -> str:
        # OFFSET 0: else the document would be parsed for each of its parts
        named = ", ".join(("id", *columns))
        document = "persistdb_0015_json(document) AS whole"
        return f"(SELECT {named}, {document} FROM {table} WHERE document IS NOT NULL OFFSET 0) AS o"

    text = "a.item #>> '{}'"
    own = _by_layout(at("o.whole", *OLD), {"runc": "NULL", **{n: at("o.whole", *path) for n, path in OWN.items()}})
    lists = " ".join(
        f"WHEN jsonb_typeof({at('o.whole', *path)}) = 'array' THEN {at('o.whole', *path)}" for path in LISTS
    )
    return [
        (
            f"SELECT o.id, a.name, {text}, 0 FROM {parsed('container', 'layout')}, {pairs(own)}"
            " WHERE jsonb_typeof(a.item) = 'string'"
        ),
        (
            f"SELECT o.id, {_before_equals(text)}, {_after_equals(text)}, -a.number"
            f" FROM {parsed('container', 'layout')}, {items(at('o.whole', *LABELS))} WITH ORDINALITY AS a(item, number)"
            f" WHERE o.layout = 'runc' AND jsonb_typeof(a.item) = 'string' AND {_is_label(text)}"
        ),
        (
            f"SELECT c.id, a.name, {text}, i.number FROM {parsed('sandbox')}"
            f" CROSS JOIN LATERAL {items(f'CASE {lists} END')} WITH ORDINALITY AS i(item, number)"
            " JOIN container AS c ON c.sandbox_id = o.id AND c.cid = i.item ->> 'ID'"
            f" CROSS JOIN LATERAL {pairs(at('i.item', 'Annotations'))} WHERE jsonb_typeof(a.item) = 'string'"
        ),
    ], [
        f"SELECT o.id, a.name, {text}, {number} FROM {parsed('sandbox')}, {pairs(at('o.whole', *path))}"
        " WHERE jsonb_typeof(a.item) = 'string'"
        for number, path in enumerate(SANDBOX)
    ]


def _mariadb() -> tuple[list[str], list[str]]:
    text = "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin"

    def keys(document: str, path: str) -> str:
        found = f"CASE WHEN json_valid({document}) THEN coalesce(json_keys({document}, {path}), '[]') ELSE '[]' END"
        return f"JSON_TABLE({found}, '$[*]' COLUMNS (name {text} PATH '$')) AS a"

    def value(document: str, path: str) -> str:
        return f"json_extract({document}, concat({path}, '.', json_quote(a.name)))"

    def clean(of: str) -> str:
        return f"replace({of}, char(0), '\ufffd')"

    def taken(document: str, path: str) -> tuple[str, str]:
        found = value(document, path)
        return f"{clean('a.name')}, {clean(f'json_unquote({found})')}", f"json_type({found}) = 'STRING'"

    own = _by_layout(_quoted(_path(*OLD)), {name: _quoted(_path(*path)) for name, path in OWN.items()})
    of_own, is_text = taken("o.document", own)
    lists = " ".join(
        f"WHEN json_type(json_extract(o.document, '{_path(*path)}')) = 'ARRAY' THEN '{_path(*path)}'" for path in LISTS
    )
    lists = f"CASE WHEN NOT json_valid(o.document) THEN NULL {lists} END"
    listed = f"coalesce(json_extract(o.document, {lists}), '[]')"
    listed = f"CASE WHEN json_valid(o.document) THEN {listed} ELSE '[]' END"
    label = "a.label"
    labels = f"coalesce(json_extract(o.document, '{_path(*LABELS)}'), '[]')"
    labels = f"CASE WHEN json_valid(o.document) THEN {labels} ELSE '[]' END"
    place = f"concat({lists}, '[', i.number - 1, '].Annotations')"
    of_item, is_item_text = taken("o.document", place)
    return [
        (
            f"SELECT o.id, {of_own}, 0 FROM container AS o JOIN {keys('o.document', own)}"
            f" WHERE o.document IS NOT NULL AND o.layout <> 'runc' AND {is_text}"
        ),
        (
            f"SELECT o.id, {clean(_before_equals(label))}, {clean(_after_equals(label))}, -a.number"
            f" FROM container AS o JOIN JSON_TABLE({labels}, '$[*]'"
            f" COLUMNS (number FOR ORDINALITY, label {text} PATH '$')) AS a"
            f" WHERE o.layout = 'runc' AND {_is_label(label)}"
        ),
        (
            f"SELECT c.id, {of_item}, i.number FROM sandbox AS o"
            f" JOIN JSON_TABLE({listed}, '$[*]' COLUMNS (number FOR ORDINALITY, cid {text} PATH '$.ID')) AS i"
            " JOIN container AS c ON c.sandbox_id = o.id AND c.cid = i.cid"
            f" JOIN {keys('o.document', place)} WHERE o.document IS NOT NULL AND {is_item_text}"
        ),
    ], [
        "SELECT o.id, {}, {} FROM sandbox AS o JOIN {} WHERE o.document IS NOT NULL AND {}".format(
            of_own, number, keys("o.document", path), is_text
        )
        for number, path, (of_own, is_text) in (
            (number, _quoted(_path(*keys_)), taken("o.document", _quoted(_path(*keys_))))
            for number, keys_ in enumerate(SANDBOX)
        )
    ]


SOURCES = {"sqlite": _sqlite, "postgresql": _postgresql, "mariadb": _mariadb}


# --- filling


def _engine() -> str:
    name = op.get_context().dialect.name
    return "mariadb" if name == "mysql" else name


def _position(text: str, part: str) -> str:
    return f"{'strpos' if _engine() == 'postgresql' else 'instr'}({text}, {part})"


def _bytewise(text: str) -> str:
    collation = {"sqlite": "BINARY", "postgresql": '"C"', "mariadb": "utf8mb4_nopad_bin"}[_engine()]
    return f"{text} COLLATE {collation}"


def _concat(*texts: str) -> str:
    return f"concat({', '.join(texts)})" if _engine() == "mariadb" else " || ".join(texts)


def _execute(sql: str) -> None:
    # op.execute() takes ":name" for a parameter
    op.execute(sql.replace(":", "\\:"))


def _fill_annotations() -> None:
    of_containers, of_sandboxes = SOURCES[_engine()]()
    if _engine() == "postgresql":
        _execute(JSON)
    for table, owner, sources in (
        ("annotation", "container_id", of_containers),
        ("sandbox_annotation", "sandbox_id", of_sandboxes),
    ):
        _execute(
            f"INSERT INTO {table} ({owner}, position, name, value)"
            f" WITH found(id, name, content, place) AS ({' UNION ALL '.join([*sources])}),"
            f" once AS (SELECT id, {_bytewise('name')} AS name, content,"
            f" row_number() OVER (PARTITION BY id, {_bytewise('name')} ORDER BY place) AS number FROM found)"
            " SELECT id, row_number() OVER (PARTITION BY id ORDER BY name) - 1, name, content FROM once"
            f" WHERE number = 1 AND NOT EXISTS (SELECT 1 FROM {table})"
        )
    if _engine() == "postgresql":
        op.execute("DROP FUNCTION persistdb_0015_json(text)")


def _annotation(*names: str) -> str:
    """Return the first of these annotations of a container, or else of its sandbox, that is not empty."""
    values = [
        f"(SELECT a.value FROM {table} AS a WHERE a.{owner} = {key} AND a.name = '{name}' AND a.value <> '')"
        for name in names
        for table, owner, key in (
            ("annotation", "container_id", "container.id"),
            ("sandbox_annotation", "sandbox_id", "container.sandbox_id"),
        )
    ]
    return f"coalesce({', '.join(values)}, '')"


def _fill_names() -> None:
    namespace, name = _annotation(*POD_NAMESPACE), _annotation(*POD_NAME)
    is_pod = f"{name} <> '' AND {_position(namespace, _quoted('/'))} = 0"
    values = {"pod": f"CASE WHEN {is_pod} THEN {_concat(namespace, _quoted('/'), name)} ELSE '' END"}
    values |= {column: _annotation(*names) for column, names in NAMES.items()}
    _execute(
        f"UPDATE container SET {', '.join(f'{column} = {value}' for column, value in values.items())}"
        " WHERE EXISTS (SELECT 1 FROM annotation AS a WHERE a.container_id = container.id)"
        " OR EXISTS (SELECT 1 FROM sandbox_annotation AS a WHERE a.sandbox_id = container.sandbox_id)"
    )


def _fill_namespaces() -> None:
    def behind(text: str, part: str) -> str:
        return f"substr({text}, {_position(text, part)} + {len(part) - 2})"

    def until_slash(text: str) -> str:
        return f"substr({text}, 1, {_position(text, _quoted('/'))} - 1)"

    def in_bundle(path: str) -> str:
        return until_slash(behind(behind(path, _quoted(TASK)), _quoted("/")))

    bundle = _annotation(*BUNDLE)
    of_kata = f"CASE WHEN {_position(bundle, _quoted(TASK))} > 0 THEN {in_bundle(bundle)} ELSE '' END"
    source = "(SELECT x.source FROM sandbox_seen AS x WHERE x.sandbox_id = container.sandbox_id)"
    root = "/containerd/runc/"
    of_root = behind(source, _quoted(root))
    steps = (
        (
            _annotation("nerdctl/namespace"),
            "EXISTS (SELECT 1 FROM annotation AS a WHERE a.container_id = container.id)",
        ),
        (in_bundle("bundle_path"), f"{_position('bundle_path', _quoted(TASK))} > 0"),
        (of_kata, "runtime = 'kata' AND EXISTS (SELECT 1 FROM annotation AS a WHERE a.container_id = container.id)"),
        (
            of_root,
            f"runtime <> 'kata' AND {_position(source, _quoted(root))} > 0 AND {_position(of_root, _quoted('/'))} = 0",
        ),
    )
    for value, where in steps:
        _execute(f"UPDATE container SET namespace = {value} WHERE namespace = '' AND {where} AND length({value}) < 256")


def upgrade() -> None:
    """Add the columns and tables, and fill them from the documents."""
    ops.drop_views(down_revision)
    for column in COLUMNS:
        ops.add_column("container", column)
    ops.create(ANNOTATION, SANDBOX_ANNOTATION)
    op.execute("UPDATE container SET runtime = layout WHERE layout IN ('runc', 'crun', 'youki')")
    _fill_annotations()
    _fill_names()
    _fill_namespaces()
    columns = (sa.Column(name, ops.TEXT, nullable=False) for name in INDEXED)
    ops.create_indexes(ops.table("container", *columns, *map(_index, INDEXED)))
    ops.create_views(revision)
    for table in (ANNOTATION, SANDBOX_ANNOTATION):
        ops.let_write(table.name, "container")
    ops.let_read("annotations", "persistdb_version")


def downgrade() -> None:
    """Drop them."""
    ops.drop_views(revision)
    for name in INDEXED:
        ops.drop_index(f"ix_container_{name}", "container")
    ops.drop("sandbox_annotation", "annotation")
    for column in reversed(COLUMNS):
        ops.drop_column("container", column.name)
    ops.create_views(down_revision)
