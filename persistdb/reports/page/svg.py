"""matplotlib's figures as SVG that belongs to a page: small, without styles of its own, coloured by the page's classes.

matplotlib writes ``style`` attributes, which the page's Content-Security-Policy forbids, and colors, which would be the
same on dark and light paper. A color that a plot uses is the name of a class instead (:data:`INKS`).
"""

from __future__ import annotations

import io
import re
import warnings
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from ...escaping import printable

if TYPE_CHECKING:
    from collections.abc import Callable

INKS: Final = {
    "running": "#010001",
    "ready": "#010002",
    "paused": "#010003",
    "stopped": "#010004",
    "other": "#010005",
    "finding": "#010006",
    "plain": "#010007",
    "text": "#010008",
    "line": "#010009",
}
"""What a plot draws with, and the color that stands for it until the page's class does."""

_CLASSES: Final = {color: name for name, color in INKS.items()}
_SETTINGS: Final[dict[Any, Any]] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "persistdb",
    "font.size": 11,
    "text.parse_math": False,
    "text.usetex": False,
    "text.color": INKS["text"],
    "xtick.color": INKS["line"],
    "ytick.color": INKS["line"],
    "xtick.labelcolor": INKS["text"],
    "ytick.labelcolor": INKS["text"],
    "axes.edgecolor": INKS["line"],
    "axes.labelcolor": INKS["text"],
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.axisbelow": True,
    "grid.color": INKS["line"],
    "grid.linewidth": 0.6,
    "axes.linewidth": 0.8,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
}
_SVG, _LINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"
_NUMBER: Final = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")
# what a page may keep of matplotlib's style attributes, as attributes of SVG
_KEPT: Final = frozenset(
    {"stroke-width", "text-anchor", "fill-opacity", "opacity", "stroke-linejoin", "stroke-linecap"}
)
POINTS: Final = 72
"""Units of the drawing in an inch of matplotlib's."""


def drawn(name: str, title: str, description: str, width: int, height: int, draw: Callable[[Figure], None]) -> str:
    """Return a figure as an ``svg`` element with a title and a description, for who does not see it.

    ``name`` tells its IDs from those of other figures of the page. All texts are escaped.
    """
    with mpl.rc_context(_SETTINGS), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a script of which the font knows no letter: the reader's has them
        figure = Figure(figsize=(width / POINTS, height / POINTS), layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure)
        file = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(file, format="svg", transparent=True, metadata=nothing)
    return _for_page(file.getvalue(), name, title, description)


def short(text: str, length: int) -> str:
    """Return a text as it is shown in a plot: on one line, and cut in the middle where it is long."""
    text = printable(text)
    return text if len(text) <= length else f"{text[: length - 5]}…{text[-4:]}"


def _for_page(text: str, name: str, title: str, description: str) -> str:
    ElementTree.register_namespace("", _SVG[1:-1])
    root = ElementTree.fromstring(text)  # noqa: S314  matplotlib's own
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag == f"{_SVG}metadata" or child.find(f"{_SVG}style") is not None:
                parent.remove(child)
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', text))
    for element in root.iter():
        _clean(element, name, used)
    for tag, id_, content in (("desc", f"{name}-desc", description), ("title", f"{name}-title", title)):
        child = ElementTree.Element(f"{_SVG}{tag}", {"id": id_})
        child.text = content
        root.insert(0, child)
    width, height = root.attrib["viewBox"].split()[2:]
    root.attrib = {
        "viewBox": root.attrib["viewBox"],
        "width": width,
        "height": height,
        "role": "img",
        "aria-labelledby": f"{name}-title {name}-desc",
    }
    return ElementTree.tostring(root, encoding="unicode").replace("\n", " ")


def _clean(element: ElementTree.Element, name: str, used: set[str]) -> None:
    attributes = element.attrib
    styles = dict(part.split(":", 1) for part in attributes.pop("style", "").split(";") if ":" in part)
    classes = []
    for key, value in ((key.strip(), value.strip()) for key, value in styles.items()):
        if key in ("fill", "stroke"):
            ink = _CLASSES.get(value)
            if ink is None:
                attributes[key] = "none"
            else:
                classes.append(f"{key[0]}-{ink}")
        elif key in _KEPT:
            attributes[key] = value
    if classes:
        attributes["class"] = " ".join(classes)
    id_ = attributes.pop("id", None)
    if id_ in used:
        attributes["id"] = f"{name}-{id_}"
    if _LINK in attributes:
        attributes["href"] = f"#{name}-{attributes.pop(_LINK)[1:]}"
    if "clip-path" in attributes:
        attributes["clip-path"] = attributes["clip-path"].replace("url(#", f"url(#{name}-")
    for key in ("d", "x", "y", "points", "transform"):
        if key in attributes:
            attributes[key] = _NUMBER.sub(_rounded, attributes[key]).replace("\n", "").strip()
    if element.text is not None and not element.text.strip():
        element.text = None
    element.tail = None


def _rounded(match: re.Match[str]) -> str:
    return f"{round(float(match[0]), 1) + 0:g}"
