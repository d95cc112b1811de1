"""The page of a fleet with hostile names, and a real browser to look at it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, sync_playwright

from persistdb import Database
from persistdb.reports.page import queries
from persistdb.reports.page.html import Options, page
from tests import needs

from . import fleet

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Chromium, as the distribution has it; not for longer, for Playwright's event loop runs in this thread."""
    program = needs.program("chromium", "chromium-browser", "google-chrome", package="chromium")
    with sync_playwright() as playwright:
        # root has no sandbox in a container
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Store the fleet, once."""
    path = tmp_path_factory.mktemp("fleet") / "fleet.db"
    with pytest.MonkeyPatch.context() as monkeypatch, Database(path) as database:
        fleet.build(database, monkeypatch)
        yield database


@pytest.fixture(scope="session")
def text(database: Database) -> str:
    """Make the page, as of the fleet's end."""
    return page(database, Options(at=fleet.END))


@pytest.fixture(scope="session")
def url(database: Database, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Write the page of now, and give its URL."""
    path = tmp_path_factory.mktemp("page") / "fleet.html"
    path.write_text(page(database, Options(since=fleet.END - timedelta(days=fleet.DAYS))), "utf-8")
    return path.as_uri()


@pytest.fixture(scope="session")
def short_url(database: Database, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Write a page of few rows, with all that there is on the long one, and give its URL: axe looks at each cell."""
    path = tmp_path_factory.mktemp("short") / "fleet.html"
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(queries, "ROWS", 5)
        path.write_text(page(database, Options(since=fleet.END - timedelta(days=fleet.DAYS))), "utf-8")
    return path.as_uri()


@pytest.fixture(scope="session")
def artefacts() -> Path:
    """Make the folder for what a run leaves to be looked at; git ignores it."""
    folder = Path(__file__).parents[3] / "build" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
