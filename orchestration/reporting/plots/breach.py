"""The picture of what a breach did: hazard ratios of leaving, with their intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import duckdb

from orchestration.reporting.plots.canvas import COLOURS, INK, Draw, Plot, key

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NAMES = {
    "ALL": "all days", "BEFORE_WAIVER": "before the waiver", "DURING_WAIVER": "during it", "AFTER_WAIVER": "after it",
}  # fmt: skip
_APART = 0.22  # rows; how far the groups of one period stand from its middle
_LEAST = 0.1  # a ratio of 0 has no place on a logarithmic axis: its interval begins at the left edge


def hazard_ratios(con: duckdb.DuckDBPyConnection) -> Draw | None:
    """How many times faster than comparable lines the latest breach's victims and exposed left, by period."""
    ratios = con.execute(
        """
        select incident_id, line_group, period, hazard_ratio, hazard_ratio_low, hazard_ratio_high,
            proportionality_p_value,
        from fraud.breach_churn
        where incident_id = (select arg_max(incident_id, period_starts_on) from fraud.breach_churn where period = 'ALL')
            and hazard_ratio is not null
        order by line_group, period_starts_on
        """
    ).df()
    if ratios.empty:
        return None

    def draw(axes: Axes) -> str:
        periods = [period for period in _NAMES if period in set(ratios["period"])]
        axes.axvline(1, color=INK, linewidth=1)
        names = {}
        for number, (group, own) in enumerate(ratios.groupby("line_group")):
            colour = COLOURS[number]
            for row in own.to_dict("records"):
                place = periods.index(row["period"]) + (number - 0.5) * 2 * _APART
                low, high = max(row["hazard_ratio_low"], _LEAST), row["hazard_ratio_high"]
                axes.plot([low, high], [place, place], color=colour, linewidth=2)
                if row["hazard_ratio"] >= _LEAST:
                    axes.plot([row["hazard_ratio"]], [place], marker="o", color=colour)
                label = f"{row['hazard_ratio']:.2g}" if row["hazard_ratio"] else f"0, at most {high:.2g}"
                axes.annotate(
                    label, (high, place), xytext=(6, 0), textcoords="offset points", color=colour, va="center"
                )
            names[str(group).lower()] = colour
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(lambda value, position: f"{value:g}" if value in (0.2, 0.5, 2, 5, 20) else "")
        axes.margins(x=0.12)
        axes.set_yticks(range(len(periods)), labels=[_NAMES[period] for period in periods])
        axes.set_ylim(len(periods) - 0.5, -0.5)
        axes.grid(visible=False)
        key(axes, names)
        axes.set_xlabel("hazard ratio of a departure, with its 95 % interval (1: like comparable lines)")
        return f"How much faster than comparable lines they leave ({ratios['incident_id'].iloc[0]})"

    return draw


PLOTS: Mapping[str, Plot] = {"fraud.breach_churn": hazard_ratios}
