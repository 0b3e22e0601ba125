"""What all pictures share: size, colours, and how they are embedded.

Backgrounds are transparent and texts of a grey that is legible on white and on black, since Dagster's UI has a light
and a dark theme. Colours are Okabe and Ito's, told apart with any colour vision; labels stand at what they name.
"""

from __future__ import annotations

import base64
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from html import escape
from io import BytesIO, StringIO
from math import ceil
from typing import TYPE_CHECKING, Any

import duckdb

from orchestration.base.site_profile import Site

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

#: Draws on the axes what has been read, and returns the picture's title.
Draw = Callable[["Axes"], str]
#: Reads what a picture shows; None where there is nothing to show yet.
Plot = Callable[[duckdb.DuckDBPyConnection], Draw | None]
#: The same, for amounts in the money of a site.
MoneyPlot = Callable[[Site, duckdb.DuckDBPyConnection], Draw | None]

COLOURS = ("#2080C0", "#CC8400", "#009E73", "#C0609A", "#D55E00", "#40A0D8")
INK, FAINT, ACCENT = "#808080", "#80808050", "#E8D000"
_INCHES, _DPI = (7.5, 3.6), 130
_POINTS = 72  # an inch; matplotlib's SVG counts in them
_NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))
_TITLE_CHARACTERS = 62  # as many as stand beside each other
_CHARACTERS_AN_INCH, _CHARACTERS_OF_A_PATCH = 13, 4
_LINE_SHARE = 0.06  # of the height of the data that a line of text takes
_STYLE: Any = {
    "font.size": 10, "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": INK, "xtick.color": INK,
    "ytick.color": INK, "axes.spines.top": False, "axes.spines.right": False, "axes.spines.left": False,
    "axes.grid": True, "axes.grid.axis": "y", "axes.axisbelow": True, "grid.color": FAINT, "ytick.major.size": 0,
    "axes.xmargin": 0, "axes.titlelocation": "left", "axes.titlesize": 11, "axes.titleweight": "bold",
    "figure.constrained_layout.h_pad": 0.08,
}  # fmt: skip


def picture(draw: Draw) -> str:
    """A drawing as Markdown that carries its own PNG: it needs no file, and outlives the run's machine."""
    title, image = png(draw, transparent=True)
    return f"![{title}](data:image/png;base64,{base64.b64encode(image).decode()})"


def png(draw: Draw, *, transparent: bool) -> tuple[str, bytes]:
    """A drawing with its title, on white or on nothing."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(_STYLE):
        figure = Figure(figsize=_INCHES, dpi=_DPI, layout="constrained")
        axes = figure.subplots()
        title = draw(axes)
        legend = axes.get_legend()
        if legend:
            figure.draw_without_rendering()
        height = legend.get_window_extent().height / _DPI * _POINTS if legend else 0
        axes.set_title(textwrap.fill(title, _TITLE_CHARACTERS), pad=8 + height)
        image = BytesIO()
        figure.savefig(image, format="png", transparent=transparent)
    return title, image.getvalue()


def svg(draw: Draw, width: int, height: int) -> str:
    """A drawing as SVG of that size in pixels, to stand in a page or alone; its title is what is read out of it.

    It refers to nothing, not even to its own parts. Where the page has a colour `--quiet`, its texts have that.
    """
    from matplotlib import rc_context
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

    with rc_context(_STYLE | {"svg.fonttype": "none", "font.family": "sans-serif"}):
        figure = Figure(figsize=(width / _POINTS, height / _POINTS), dpi=_POINTS, layout="constrained")
        axes = figure.subplots()
        title = draw(axes)
        axes.tick_params(bottom=False, left=False)
        for artist in figure.findobj(Artist):
            artist.set_clip_on(False)
        image = StringIO()
        figure.savefig(image, format="svg", transparent=True, metadata=_NO_METADATA)
    drawn = image.getvalue()
    drawn = re.sub(r"<defs>.*?</defs>", "", drawn[drawn.index("<svg ") :], flags=re.DOTALL)
    drawn = re.sub(f"{INK}(?![0-9a-f])", f"var(--quiet, {INK})", drawn)
    return drawn.replace("<svg ", f'<svg role="img" aria-label="{escape(title)}" ', 1)


def _is_narrow(axes: Axes) -> bool:
    """Whether the picture is one for a phone."""
    return bool(axes.figure.bbox.width / axes.figure.dpi < 0.8 * _INCHES[0])


def days_on_x(axes: Axes) -> None:
    """Dates on the x axis, of what is drawn on it already, each written as shortly as its neighbours allow."""
    from matplotlib.dates import HOURLY, AutoDateLocator, ConciseDateFormatter

    first, last = axes.dataLim.intervalx
    if first == last:  # one day is not four years
        axes.set_xlim(first - 0.5, last + 0.5)
    locator = AutoDateLocator(minticks=3, maxticks=5 if _is_narrow(axes) else 9)  # type: ignore[no-untyped-call]
    locator.intervald[HOURLY] = [24]  # a few days have no hours
    axes.xaxis.set_major_locator(locator)
    formatter = ConciseDateFormatter(locator)  # type: ignore[no-untyped-call]
    formatter.formats[2:] = formatter.zero_formats[2:] = ["%-d %b"] * 4  # a day without its month is a riddle
    formatter.offset_formats[2] = "%Y"
    axes.xaxis.set_major_formatter(formatter)


def thousands_on_y(axes: Axes) -> None:
    """Counts on the y axis with separators."""
    axes.yaxis.set_major_formatter(lambda value, position: f"{value:,.0f}")


def names_on_y(axes: Axes, names: Sequence[str]) -> None:
    """A name for each row on the y axis, and a grid for what is told along the other."""
    axes.set_yticks(range(len(names)), names)
    axes.grid(visible=False, axis="y")
    axes.grid(axis="x")


def key(axes: Axes, names: Mapping[str, str]) -> None:
    """What each colour is, above the data: in as many rows as there is room for names beside each other."""
    from matplotlib.patches import Patch

    handles = [Patch(color=colour, label=name) for name, colour in names.items()]
    characters = axes.figure.bbox.width / axes.figure.dpi * _CHARACTERS_AN_INCH
    beside = max(1, int(characters / (max(map(len, names)) + _CHARACTERS_OF_A_PATCH)))
    rows = ceil(len(names) / beside)
    axes.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(0, 1),
        ncols=ceil(len(names) / rows),
        frameon=False, handlelength=0.7, handleheight=0.7, handletextpad=0.4, columnspacing=1.4, borderpad=0,
        borderaxespad=0.3,
    )  # fmt: skip


def stacked_bars(axes: Axes, by_day: pd.DataFrame) -> dict[str, tuple[float, str]]:
    """Bars of a frame's columns on top of each other; what each column comes to, and its colour.

    Where there are more columns than colours, the last ones are one.
    """
    if len(by_day.columns) > len(COLOURS):
        rest = by_day[by_day.columns[len(COLOURS) - 1 :]]
        by_day = by_day[by_day.columns[: len(COLOURS) - 1]].assign(**{f"{len(rest.columns)} others": rest.sum(axis=1)})
    by_day = by_day.fillna(0)
    below, drawn = by_day.cumsum(axis=1) - by_day, {}
    for column, colour in zip(by_day, COLOURS[: len(by_day.columns)], strict=True):
        axes.bar(by_day.index, by_day[column], bottom=below[column], color=colour, width=0.8)
        drawn[str(column)] = by_day[column].sum(), colour
    return drawn


def group_lines(axes: Axes, lines: pd.DataFrame, label: str = "{group}", **style: Any) -> str:
    """A line per column, named at its end by `label`, which may tell its last value; what the title has to say of them.

    Where there are more groups than colours, those that moved most are shown.
    """
    moved = lines.abs().sum().sort_values(ascending=False)
    shown, ends = sorted(moved.index[: len(COLOURS)]), {}
    for group, colour in zip(shown, COLOURS[: len(shown)], strict=True):
        own = lines[group].dropna()
        axes.plot(own.index, own, color=colour, linewidth=2, **style)
        ends[label.format(group=group, last=own.iloc[-1])] = own.index[-1], own.iloc[-1], colour
    labels_at_end(axes, ends)
    return "" if len(moved) <= len(COLOURS) else f" of the {len(shown)} groups of {len(moved)} that moved most"


def labels_at_end(axes: Axes, labels: Mapping[str, tuple[Any, float, str]]) -> None:
    """Lines' names at their last points (x, y, colour), moved apart where they would lie on each other."""
    bottom, top = axes.get_ylim()
    lowest = float("-inf")
    for text, (x, y, colour) in sorted(labels.items(), key=lambda item: item[1][1]):
        lowest = max(y, lowest + _LINE_SHARE * (top - bottom))
        label_at_end(axes, text, x, lowest, colour)


def label_at_end(axes: Axes, text: str, x: Any, y: float, colour: str) -> None:
    """A line's name at its last point."""
    axes.annotate(text, (x, y), xytext=(5, 0), textcoords="offset points", color=colour, va="center")


def latest_incident_of(mart: str, where: str = "true") -> str:
    """SQL for the incident that began last of those of which a mart has such rows."""
    return (
        "select arg_max(incident_id, starts_on) from core.dim_incident "
        f"where incident_id in (select incident_id from {mart} where {where})"
    )
