"""``-v``, ``-q`` and ``--log-format``: the lines on stderr."""

from __future__ import annotations

import json
import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from persistdb.cli import main, messages
from persistdb.runtimes.samples import KATA

from .program import HOST, Done, Program, on_terminal

if TYPE_CHECKING:
    from pathlib import Path


class _Alone(Program):
    """The program where nobody has set up logging, as pytest has: then what is logged is not on stderr."""

    def __call__(self, *arguments: str | Path, host: str = HOST) -> Done:
        root = logging.getLogger()
        before, root.handlers = root.handlers, []
        try:
            return super().__call__(*arguments, host=host)
        finally:
            root.handlers = before


@pytest.fixture
def run(absent: Program, capsys: pytest.CaptureFixture[str]) -> Program:
    """The program, without pytest's handlers of logging."""
    return _Alone(absent.url, capsys)


def _objects(err: str) -> list[dict[str, Any]]:
    """Read lines of JSON."""
    return [json.loads(line) for line in err.splitlines()]


def test_verbose(run: Program) -> None:
    """``-v`` says which database and host are meant and what becomes of the schema, ``-vv`` each detail."""
    done = run("-v", "import", KATA)
    assert done.status == 0
    first, *_, last = done.err.splitlines()
    assert first == f"persistdb: info: database {run.url}"
    assert last == f"persistdb: info: host '{HOST}'"
    assert f"persistdb: info: {run.url}: schema changed from nothing to " in done.err
    assert run("ls").err == ""
    logging.getLogger("persistdb").setLevel(logging.NOTSET)
    assert "schema" not in run("-vv", "ls").err


def test_levels(run: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """Warnings are shown, with ``-v`` information too, with ``-vv`` details, and with ``-q`` errors only."""
    from persistdb.schema import prepare

    def tell(*_: object, **__: object) -> None:
        for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
            logging.getLogger("persistdb").log(level, "at %d", level)

    run("db", "upgrade")
    monkeypatch.setattr(prepare, "prepare", tell)
    shown = {
        options: [line for line in run(*options.split(), "ls").err.splitlines() if ": at" in line]
        for options in ("-q", "", "-v", "-vv", "-vvv")
    }
    warning, error = "persistdb: at 30", "persistdb: at 40"
    debug, info = "persistdb: debug: at 10", "persistdb: info: at 20"
    assert shown == {
        "-q": [error],
        "": [warning, error],
        "-v": [info, warning, error],
        "-vv": [debug, info, warning, error],
        "-vvv": [debug, info, warning, error],
    }


def test_quiet(run: Program) -> None:
    """``-q`` leaves out notes and steps, and keeps problems, results and the exit status."""
    assert run("db", "upgrade").err.startswith("1/")
    assert run("-q", "db", "upgrade", "0009").err == ""
    assert "no containers" in run("ls").err
    done = run("-q", "ls")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("SANDBOX")
    done = run("-q", "show", "x")
    assert (done.status, done.err) == (3, f"persistdb: no container 'x' on host '{HOST}'\n")
    assert run("-q", "-v", "ls").status == 2


def test_json(run: Program, tmp_path: Path) -> None:
    """As JSON each line is an object with time, level and message: notes, problems, misuse and what is logged."""
    (tmp_path / "sbs/pod-1").mkdir(parents=True)
    (tmp_path / "sbs/pod-1/persist.json").write_text("no JSON\x1b\n")
    words = ("-v", "--log-format", "json")
    shown = [
        *_objects(run(*words, "ls").err),
        *_objects(run(*words, "import", tmp_path / "sbs").err),
        *_objects(run(*words, "ls").err),
        *_objects(run(*words, "ls", "--limit", "x").err),
        *_objects(run(*words, "ls", "x=y").err),
    ]
    assert {tuple(each) for each in shown} == {("time", "level", "message")}
    assert {each["level"] for each in shown} == {"info", "warning", "error"}
    assert all(datetime.fromisoformat(each["time"]).utcoffset() == timedelta() for each in shown)
    said = {level: [each["message"] for each in shown if each["level"] == level] for level in ("error", "warning")}
    assert any(message.startswith(f"{tmp_path}/sbs/pod-1/persist.json") for message in said["warning"])
    assert [message.partition(":")[0] for message in said["error"]] == [
        run.url.partition(":")[0],
        "Invalid value for '--limit'",
        "filter",
    ]
    assert not any(message.startswith("persistdb: ") for message in said["error"])


def test_form_of_the_environment(run: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The form may come from the environment or a configuration file."""
    monkeypatch.setenv("PERSISTDB_LOG_FORMAT", "json")
    assert _objects(run("ls").err)[0]["level"] == "error"
    assert run("--log-format", "text", "ls").err.startswith("persistdb: ")
    monkeypatch.delenv("PERSISTDB_LOG_FORMAT")
    (tmp_path / "c.toml").write_text('log_format = "json"\n')
    monkeypatch.setenv("PERSISTDB_CONFIG", str(tmp_path / "c.toml"))
    assert _objects(run("ls").err)[0]["level"] == "error"


def test_one_run_has_no_effect_on_the_next(run: Program) -> None:
    """The style is that of one run, and so is the logger's level."""
    before = logging.getLogger("persistdb").level
    run("-vv", "--log-format", "json", "ls")
    assert run("ls").err.startswith("persistdb: ")
    assert logging.getLogger("persistdb").level == before
    assert messages.style == messages.Style()


def test_demo_in_a_style(run: Program) -> None:
    """The demonstration shows the same in any style."""
    assert run("--log-format", "json", "-v", "demo").status == 0
    assert messages.style.verbose == 1


@pytest.mark.slow
def test_on_a_terminal(persistdb: Program) -> None:
    """JSON on a terminal has no character on which it would act."""
    words = persistdb.words("import", "/absent\x1b[31m")
    shown = on_terminal([*words[:3], "--log-format", "json", *words[3:]], stream="stderr")
    assert "\x1b" not in shown
    assert "\\u001b" in shown


def test_misuse_before_the_options_are_read(capsys: pytest.CaptureFixture[str]) -> None:
    """What is wrong with the program's own options is said as text: no form is known yet."""
    assert main(["--log-format", "xml", "ls"]) == 2
    assert "Error: Invalid value for '--log-format'" in capsys.readouterr().err
