"""The page's plots, each drawn twice: for a wide screen and paper, and for a phone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from matplotlib import dates, ticker

from .queries import ORDER, POD_CONTAINERS, known
from .svg import INKS, drawn, short

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .queries import Point, Row, Scope

WIDE, NARROW = 1040, 340
"""The plots' widths in pixels."""
HOSTS: Final = 15
"""Hosts of a plot; the table has more."""
BINS: Final = 12
"""Bars for the containers' numbers of mounts, and of devices."""


class Plot(NamedTuple):
    """A plot in both sizes; what it says in words is the description of either."""

    wide: str
    narrow: str


def _both(
    name: str, title: str, description: str, heights: tuple[int, int], draw: Callable[[Figure, bool], None]
) -> Plot:
    wide = drawn(f"{name}-w", title, description, WIDE, heights[0], lambda figure: draw(figure, False))
    narrow = drawn(f"{name}-n", title, description, NARROW, heights[1], lambda figure: draw(figure, True))
    return Plot(wide, narrow)


def over_time(points: Sequence[Point], scope: Scope) -> Plot:
    """Draw how many containers were in each state over time."""
    times = [point.at for point in points]
    used = [state for state in ORDER if any(point.states.get(state) for point in points)]
    first, last = points[0].states, points[-1].states

    def draw(figure: Figure, is_narrow: bool) -> None:
        axes = figure.add_subplot()
        values = [[point.states.get(state, 0) for point in points] for state in used]
        if values:
            axes.stackplot(times, *values, colors=[INKS[state] for state in used], linewidth=0)  # type: ignore[arg-type]  # dates are numbers to it
        axes.set_xlim(scope.since, scope.end)  # type: ignore[arg-type]  # the same
        axes.set_ylim(0, 1.05 * max([1, *(sum(point.states.values()) for point in points)]))
        _times(axes, 4 if is_narrow else 9)
        _counts(axes.yaxis)
        axes.grid(axis="y")

    said = "; ".join(f"{state}: {first.get(state, 0)}, then {last.get(state, 0)}" for state in used) or "no containers"
    words = f"From {_said(scope.since)} to {_said(scope.end)}. {said}."
    return _both("over-time", "Containers by state over time", words, (260, 220), draw)


def by_host(hosts: Sequence[Row], findings: Mapping[str, int] | None) -> Plot:
    """Draw the hosts that have the most containers, by state, and beside them their findings, if there are audits."""
    shown = list(hosts[:HOSTS])[::-1]

    def draw(figure: Figure, is_narrow: bool) -> None:
        names = range(len(shown))
        parts = 1 if findings is None else 2
        ratios = (2, 1)[:parts]
        grid = figure.subplots(parts, 1) if is_narrow else figure.subplots(1, parts, sharey=True, width_ratios=ratios)
        axes = [grid] if parts == 1 else list(grid)
        begin = [0] * len(shown)
        for state in ORDER:
            numbers = [host["states"][state] for host in shown]
            if any(numbers):
                axes[0].barh(names, numbers, left=begin, color=INKS[state], height=0.66)
                begin = [a + b for a, b in zip(begin, numbers, strict=True)]
        for part in axes[1:]:
            part.barh(names, [host["findings"] for host in shown], color=INKS["finding"], height=0.66)
        for part, title in zip(axes, ("Containers", "Open findings"), strict=False):
            part.set_title(title, loc="left")
            part.set_yticks(names, [short(host["host"], 18 if is_narrow else 30) for host in shown])
            part.set_ylim(-0.6, max(len(shown), 1) - 0.4)
            part.tick_params(axis="y", length=0)
            part.set_xlim(0, max(1, part.get_xlim()[1]))
            _counts(part.xaxis)
            part.grid(axis="x")

    most = "; ".join(
        f"{short(host['host'], 30)}: {host['containers']} containers"
        + ("" if findings is None else f", {host['findings']} findings")
        for host in hosts[:5]
    )
    height = 74 + 24 * max(len(shown), 1)
    title = "Hosts by containers" + ("" if findings is None else " and open findings")
    narrow = height if findings is None else 2 * height
    return _both("by-host", title, f"The largest: {most or 'none'}.", (height, narrow), draw)


def spread(numbers: Mapping[str, Mapping[int, int]]) -> Plot:
    """Draw how many containers have so many mounts, and so many devices."""
    titles = {"mounts": "Mounts of a container", "devices": "Devices of a container"}

    def draw(figure: Figure, is_narrow: bool) -> None:
        parts = figure.subplots(2, 1) if is_narrow else figure.subplots(1, 2)
        for axes, (name, counts) in zip(parts, numbers.items(), strict=True):
            labels, values = _bins(counts)
            axes.bar(range(len(values)), values, color=INKS["plain"], width=0.8)
            axes.set_xticks(range(len(labels)), labels)
            axes.set_xlim(-0.6, max(len(labels), 6) - 0.4)
            axes.tick_params(axis="x", length=0)
            axes.set_title(titles[name], loc="left")
            axes.set_ylim(0, max(1, 1.04 * max(values)))
            _counts(axes.yaxis)
            axes.grid(axis="y")

    most = {name: max(counts, default=0) for name, counts in numbers.items()}
    words = f"No container has more than {most['mounts']} mounts and {most['devices']} devices."
    return _both("spread", "How many containers have so many mounts and devices", words, (220, 380), draw)


def _bins(counts: Mapping[int, int]) -> tuple[list[str], list[int]]:
    """Return numbers from 0 on, or ranges of them, and how many containers have each."""
    most = max(counts, default=0)
    size = most // BINS + 1
    values = [0] * (most // size + 1)
    for number, containers in counts.items():
        values[number // size] += containers
    labels = [f"{i * size}" if size == 1 else f"{i * size}+" for i in range(len(values))]
    return labels, values


def time_line(periods: Sequence[Row], scope: Scope) -> Plot:
    """Draw the states of a pod's containers over time, a line each."""
    lines: dict[str, list[Row]] = {}
    for period in periods:
        lines.setdefault(period["cid"], []).append(period)
    shown = sorted(lines.items(), key=lambda line: line[1][0]["valid_from"])[:POD_CONTAINERS][::-1]

    def draw(figure: Figure, is_narrow: bool) -> None:
        axes = figure.add_subplot()
        for place, (_, of_container) in enumerate(shown):
            for state in ORDER:
                bars = [_bar(period, scope) for period in of_container if known(period["state"]) == state]
                if bars:
                    axes.broken_barh(bars, (place - 0.32, 0.64), facecolor=INKS[state], linewidth=0)
        axes.set_yticks(range(len(shown)), [short(cid, 10 if is_narrow else 26) for cid, _ in shown])
        axes.set_ylim(-0.6, max(len(shown), 1) - 0.4)
        axes.set_xlim(scope.since, scope.end)  # type: ignore[arg-type]  # dates are numbers to it
        axes.tick_params(axis="y", length=0)
        _times(axes, 4 if is_narrow else 9)
        axes.grid(axis="x")

    said = "; ".join(
        f"{short(cid, 26)}: {', '.join(short(period['state'] or 'no state', 26) for period in of_container[-4:])}"
        for cid, of_container in shown[::-1][:8]
    )
    height = 60 + 24 * max(len(shown), 1)
    return _both("time-line", "States of the pod's containers over time", f"{said or 'none'}.", (height, height), draw)


def _bar(period: Row, scope: Scope) -> tuple[float, float]:
    start = max(period["valid_from"], scope.since)
    end = min(period["valid_to"] or scope.end, scope.end)
    # a state that was over at once is seen, too
    least = (scope.end - scope.since) / 400
    return dates.date2num(start), dates.date2num(max(end, start + least)) - dates.date2num(start)


def _times(axes: Axes, most: int) -> None:
    locator = dates.AutoDateLocator(minticks=2, maxticks=most)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator, tz=UTC))


def _counts(axis: Any) -> None:
    axis.set_major_locator(ticker.MaxNLocator(5, integer=True))
    axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{int(value):,}".replace(",", "\N{THIN SPACE}")))


def _said(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
