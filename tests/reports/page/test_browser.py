"""The page in a real browser: it is silent, asks for nothing, shows hostile names as text, and everybody can use it."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Any

import pytest

from .fleet import CLOSING, HOSTILE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow

AXE = resources.files("axe_playwright_python") / "axe.min.js"
WIDTHS = (390, 1400)


class Look:
    """A page that is looked at, and what it did meanwhile that it should not."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.did: list[str] = []
        page.on("console", lambda message: self.did.append(message.text))
        page.on("pageerror", lambda error: self.did.append(str(error)))
        page.on("request", lambda request: self.did.append(request.url) if request.url != url else None)
        page.on("dialog", lambda dialog: self.did.append(dialog.message))
        page.goto(url)


@pytest.fixture
def looks(browser: Browser, url: str) -> Iterator[Any]:
    """Look at the page in contexts of their own."""
    contexts = []

    def look(url: str = url, **options: Any) -> Look:
        contexts.append(browser.new_context(viewport={"width": 1400, "height": 900}, **options))
        return Look(contexts[-1].new_page(), url)

    yield look
    for context in contexts:
        context.close()


def text_of(page: Page) -> str:
    """Return all text of the page's body, shown or not."""
    return str(page.evaluate("document.body.textContent"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_looks(looks: Any, artefacts: Path, scheme: str) -> None:
    """On a desk and on a phone, light and dark, plots are there, no line is too wide, and nothing is asked for."""
    look = looks(color_scheme=scheme)
    for width in WIDTHS:
        look.page.set_viewport_size({"width": width, "height": 900})
        look.page.screenshot(path=artefacts / f"page-{scheme}-{width}.png", full_page=True)
        assert look.page.evaluate("document.documentElement.scrollWidth") <= width
        assert look.page.locator("figure svg:visible").count() == look.page.locator("figure").count() >= 4
    assert look.did == []


def test_accessible(looks: Any, short_url: str) -> None:
    """Light and dark, on a desk and on a phone, axe finds nothing that keeps anybody from reading the page."""
    look = looks(url=short_url)
    # as an inspector's, which the page's policy does not bind
    client = look.page.context.new_cdp_session(look.page)
    client.send("Runtime.evaluate", {"expression": AXE.read_text("utf-8")})
    for scheme, width in (("light", 1400), ("dark", 390)):
        look.page.emulate_media(color_scheme=scheme)
        look.page.set_viewport_size({"width": width, "height": 900})
        run = {"expression": "axe.run()", "awaitPromise": True, "returnByValue": True}
        found = client.send("Runtime.evaluate", run)["result"]["value"]
        assert [(each["id"], [node["html"][:200] for node in each["nodes"][:3]]) for each in found["violations"]] == []
        assert {"color-contrast", "svg-img-alt", "label", "scrollable-region-focusable"} <= {
            each["id"] for each in found["passes"]
        }


def test_hostile_names_are_text(looks: Any) -> None:
    """Names that would be elements, scripts or the template's words are shown as they are; control is spelled out."""
    look = looks()
    assert look.page.title().startswith("All hosts")
    text = text_of(look.page)
    for name in (*HOSTILE[:5], HOSTILE[6], CLOSING):
        assert name in text
    assert r"\u202egpj.exe\u2066\x1b[31m\x01\u200b" in text
    assert not set("\u202e\u2066\x1b\x01\u200b") & set(text)
    assert look.page.locator("img, iframe, a[href^=javascript]").count() == 0
    assert look.page.locator("script").count() == 1
    in_plots = look.page.locator("figure svg text").all_text_contents()
    assert any(text.startswith("<script>docum") for text in in_plots)
    assert look.did == []


def test_search_and_order(looks: Any) -> None:
    """A search leaves the rows with all of its words; a heading orders the rows by its column, and back."""
    page = looks().page
    rows = page.locator("#containers-table tbody tr")
    everything = rows.count()
    page.locator("#containers-table-search").fill("RUNNING node-1")
    assert 0 < rows.locator("visible=true").count() < everything
    assert all("node-1" in row and "running" in row for row in rows.locator("visible=true").all_text_contents())
    page.locator("#containers-table-search").fill("")
    assert rows.locator("visible=true").count() == everything
    heading = page.locator("#containers-table").get_by_role("button", name="Devices")
    numbers = []
    for order in ("descending", "ascending"):
        heading.click()
        assert page.locator(f"#containers-table th[aria-sort={order}]").text_content() == "Devices"
        numbers.append([int(cell) for cell in page.locator("#containers-table td:nth-child(6)").all_text_contents()])
    assert numbers[0] == sorted(numbers[0], reverse=True) != numbers[1] == sorted(numbers[0])


def test_without_scripts(looks: Any) -> None:
    """With scripts off all tables and plots are there, and nothing that does nothing."""
    look = looks(java_script_enabled=False)
    assert look.page.locator("table").count() >= 5
    assert look.page.locator("figure svg:visible").count() >= 4
    assert look.page.locator("input, button").count() == 0
    assert look.did == []


def test_on_paper(looks: Any, artefacts: Path) -> None:
    """On paper tables are whole, and there is nothing to click."""
    look = looks()
    look.page.emulate_media(media="print")
    assert look.page.locator("nav").is_hidden()
    scrolls = look.page.locator(".scroll").evaluate_all("all => all.filter(one => one.scrollHeight > one.clientHeight)")
    assert scrolls == []
    (artefacts / "page.pdf").write_bytes(look.page.pdf(format="A4"))
