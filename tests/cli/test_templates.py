"""Templates of ``--format``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from persistdb import ContainerState, Mount, SandboxState
from persistdb.cli.templates import Template

if TYPE_CHECKING:
    from .program import Program


@pytest.mark.parametrize(
    ("template", "line"),
    [
        ("{{.a}}", "1"),
        ("{{ .a }}", "1"),
        ("<{{.a}}{{.b}}{{.a}}>", "<1x y1>"),
        (r"{{.a}}\t{{.b}}\n\\t\d", "1\tx y\n\\t\\d"),
        ("{{.count(*)}}", "7"),
        ("{{{.a}}}", "{1}"),
        ("{a} %s $b {{.a}} {0.__class__}", "{a} %s $b 1 {0.__class__}"),
    ],
)
def test_lines(template: str, line: str) -> None:
    """Names are replaced by values, escapes by what they mean, and all else stays as it is."""
    values = {"a": "1", "b": "x y", "count(*)": "7"}
    parsed = Template.parse(template)
    assert parsed.line(values[name] for name in parsed.fields) == line


@pytest.mark.parametrize("template", ["{{", "{{.a} {{.b}}", "{{a}}", "{{.}}", "{{ . }}", "{{.a}} }}", "{{}}"])
def test_no_templates(template: str) -> None:
    """Brackets that name no column are refused, and the error says how to write one."""
    with pytest.raises(ValueError, match=r"write \{\{\.NAME\}\}"):
        Template.parse(template)


@given(text=st.text(), value=st.text())
def test_values_are_not_templates(text: str, value: str) -> None:
    """A value is put in as it is, whatever it looks like."""
    plain = text.replace("{", "").replace("}", "").replace("\\", "")
    assert Template.parse(f"{plain}{{{{.a}}}}").line([value]) == plain + value


@pytest.fixture
def filled(persistdb: Program) -> Program:
    """Store two containers, one with odd values."""
    with persistdb.repository() as repository:
        odd = ContainerState(state="a\nb\x1b[31m", bundle_path="{{.cid}} {0.__class__}", mounts=[Mount(type="xfs")])
        repository.save_sandbox(SandboxState(sid="pod-1"), {"odd": odd, "web": ContainerState(state="ready")})
    return persistdb


def test_ls(filled: Program) -> None:
    """A row is a line, also where a value has line ends; a missing value is an empty text."""
    assert filled("ls", "-o", r"{{.cid}}\t{{.state}}\t{{.pid}}").out == "odd\ta\\nb\\x1b[31m\t\nweb\tready\t\n"
    assert filled("ls", "cid=odd", "--format", "{{.bundle}}").out == "{{.cid}} {0.__class__}\n"
    assert filled("ls", "cid=none", "-o", "{{.cid}}") == (0, "", "")


def test_types(filled: Program) -> None:
    """Booleans and times are as in CSV, and what has parts is JSON."""
    query = "SELECT is_rootfs, mounted, options FROM mounts WHERE type = 'xfs'"
    assert filled("sql", query, "-o", "{{.is_rootfs}},{{.mounted}},{{.options}}").out == "false,false,\n"
    (created,) = {row["created"] for row in filled("ls", "-o", "json").rows}
    assert filled("ls", "cid=web", "-o", "{{.created}}").out == f"{created}\n"
    shown = filled("show", "odd", "-o", "{{.cid}} {{.revision}} {{.processes}} {{.mounts}}").out
    assert shown.startswith('odd 1 [] [{"source":"","destination":"","type":"xfs",')


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["ls", "-o", "{{.size}}"], "no column 'size'; use some of host, sid, cid,"),
        (["ls", "-o", "{{.cid.__class__}}"], "no column 'cid.__class__'; use some of"),
        (["show", "web", "-o", "{{.size}}"], "no column 'size'; use some of host, sid,"),
        (["report", "summary", "-o", "{{.size}}"], "use some of host, state, containers"),
        (["sql", "SELECT 1 AS a", "-o", "{{.b}}"], "no column 'b'; use some of a"),
        (["ls", "-o", "{{cid}}"], "write {{.NAME}}"),
        (["ls", "-o", "cid"], "'cid' is none of table, wide, json, yaml, csv, markdown, and no template"),
        (["show", "web", "-o", "csv"], "none of table, wide, json, yaml, and no template"),
        (["ls", "-o", "{{.cid}}", "--columns", "cid"], "leave out --columns"),
        (["ls", "-o", "{{.cid}}", "-q"], "leave out --format"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_misuse(filled: Program, words: list[str], says: str) -> None:
    """An unknown name is misuse that lists the known ones, and so is a template that is none."""
    done = filled(*words)
    assert (done.status, done.out) == (2, "")
    assert says in done.err
