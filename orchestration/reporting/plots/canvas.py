"""What all pictures share: size, colours, and how they are embedded.

Backgrounds are transparent and texts of a grey that is legible on white and on black, since Dagster's UI has a light
and a dark theme. Colours are Okabe and Ito's, told apart with any colour vision; labels stand at what they name.
"""

from __future__ import annotations

import base64
import textwrap
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any

import duckdb

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Draws on the axes and returns the picture's title, or None where there is nothing to show yet.
Draw = Callable[[duckdb.DuckDBPyConnection, "Axes"], str | None]

COLOURS = ("#2080C0", "#CC8400", "#009E73", "#C0609A", "#D55E00", "#40A0D8")
INK, FAINT, ACCENT = "#808080", "#80808050", "#E8D000"
_INCHES, _DPI = (7.5, 3.6), 130
_TITLE_CHARACTERS = 62  # as many as stand beside each other
_STYLE: Any = {
    "font.size": 10, "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": INK, "xtick.color": INK,
    "ytick.color": INK, "axes.spines.top": False, "axes.spines.right": False, "axes.spines.left": False,
    "axes.grid": True, "axes.grid.axis": "y", "axes.axisbelow": True, "grid.color": FAINT, "ytick.major.size": 0,
    "axes.xmargin": 0, "axes.titlelocation": "left", "axes.titlesize": 11, "axes.titleweight": "bold",
    "figure.constrained_layout.h_pad": 0.08,
}  # fmt: skip


def picture(con: duckdb.DuckDBPyConnection, draw: Draw) -> str | None:
    """A drawing as Markdown that carries its own PNG: it needs no file, and outlives the run's machine."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(_STYLE):
        figure = Figure(figsize=_INCHES, dpi=_DPI, layout="constrained")
        axes = figure.subplots()
        title = draw(con, axes)
        if title is None:
            return None
        axes.set_title(textwrap.fill(title, _TITLE_CHARACTERS), pad=24 if axes.get_legend() else 8)
        image = BytesIO()
        figure.savefig(image, format="png", transparent=True)
    return f"![{title}](data:image/png;base64,{base64.b64encode(image.getvalue()).decode()})"


def days_on_x(axes: Axes) -> None:
    """Dates on the x axis, each written as shortly as its neighbours allow."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=4, maxticks=9)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    formatter = ConciseDateFormatter(locator)  # type: ignore[no-untyped-call]
    formatter.formats[2], formatter.zero_formats[2] = "%-d %b", "%-d %b"  # a day without its month is a riddle
    formatter.offset_formats[2] = "%Y"
    axes.xaxis.set_major_formatter(formatter)


def thousands_on_y(axes: Axes) -> None:
    """Counts on the y axis with separators."""
    axes.yaxis.set_major_formatter(lambda value, position: f"{value:,.0f}")


def key(axes: Axes, names: Mapping[str, str]) -> None:
    """What each colour is, in one row above the data."""
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], color=colour, linewidth=0, marker="s", label=name) for name, colour in names.items()]
    axes.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(0, 1), ncols=len(names),
        frameon=False, handlelength=0.8, handletextpad=0.4, columnspacing=1.4, borderpad=0, borderaxespad=0.3,
    )  # fmt: skip


def label_at_end(axes: Axes, text: str, x: Any, y: float, colour: str) -> None:
    """A line's name at its last point."""
    axes.annotate(text, (x, y), xytext=(5, 0), textcoords="offset points", color=colour, va="center")
