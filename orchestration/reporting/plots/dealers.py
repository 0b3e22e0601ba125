"""Pictures of what dealers do: days of mass ports, and lines that end soon after they were opened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import duckdb
import pandas as pd

from orchestration.reporting.plots.canvas import COLOURS, INK, Draw, Plot, key, names_on_y

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SHOWN = 10


def mass_days(con: duckdb.DuckDBPyConnection) -> Draw | None:
    """The largest days of mass ports of the latest month that has any, beside the dealers' other days."""
    dealers = con.execute(
        """
        select month, dealer_code || ' for ' || recipient_group as name, busiest_on, busiest_day_ports,
            coalesce(usual_ports_per_day, 0) as usual_ports_per_day, count(*) over () as dealers,
        from churn.dealer_monthly
        where has_mass_day and month = (select max(month) from churn.dealer_monthly where has_mass_day)
        order by busiest_day_ports desc, name limit $1
        """,
        [_SHOWN],
    ).df()
    if dealers.empty:
        return None
    first = dealers.iloc[0]

    def draw(axes: Axes) -> str:
        axes.barh(dealers.index, dealers["busiest_day_ports"], height=0.6, color=COLOURS[4])
        axes.plot(dealers["usual_ports_per_day"], dealers.index, "o", color=INK)
        _named(axes, dealers["name"] + dealers["busiest_on"].dt.strftime(", %-d %b"))
        key(axes, {"ports of the day": COLOURS[4], "mean of the other days": INK})
        return f"Days of mass ports in {first['month']:%B %Y}: the largest of {first['dealers']:,}"

    return draw


def early_churn(con: duckdb.DuckDBPyConnection) -> Draw | None:
    """Of the latest month that is followed, the dealers whose lines end soonest, with intervals, and what is usual."""
    dealers = con.execute(
        """
        select month, dealer_code || ' of ' || provider_group as name, early_churn_pct, early_churn_low_pct,
            early_churn_high_pct, usual_early_churn_pct, is_conspicuous,
            count(*) filter (is_conspicuous) over () as conspicuous, count(*) over () as dealers,
        from churn.dealer_early_churn
        where early_churn_pct is not null
            and month = (select max(month) from churn.dealer_early_churn where ended_early > 0)
        qualify ended_early > 0
        order by is_conspicuous desc, early_churn_low_pct desc, name limit $1
        """,
        [_SHOWN],
    ).df()
    if dealers.empty:
        return None
    first = dealers.iloc[0]

    def draw(axes: Axes) -> str:
        for is_conspicuous, colour in ((True, COLOURS[4]), (False, COLOURS[0])):
            own = dealers[dealers["is_conspicuous"] == is_conspicuous]
            axes.hlines(own.index, own["early_churn_low_pct"], own["early_churn_high_pct"], color=colour, linewidth=3)
            axes.plot(own["early_churn_pct"], own.index, "o", color=colour)
        axes.plot(dealers["usual_early_churn_pct"], dealers.index, "|", color=INK, markersize=12)
        _named(axes, dealers["name"])
        axes.xaxis.set_major_formatter("{x:g} %")
        key(axes, {"conspicuous": COLOURS[4], "not so, with 95 % interval": COLOURS[0], "usual for the others": INK})
        of_all = f"{first['conspicuous']:,} of {first['dealers']:,}"
        return f"Lines opened in {first['month']:%B %Y} that ended early: {of_all} dealers are conspicuous"

    return draw


def _named(axes: Axes, names: pd.Series[str]) -> None:
    """The rows' names on the y axis, the first on top."""
    names_on_y(axes, names.tolist())
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.margins(x=0.05)


PLOTS: Mapping[str, Plot] = {
    "churn.dealer_monthly": mass_days,
    "churn.dealer_early_churn": early_churn,
}
