"""Pictures of flows: what waits, what is refused, how lines are sold, who has how many, who returns, who leaves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import duckdb

from orchestration.reporting.plots.canvas import (
    COLOURS,
    INK,
    Draw,
    Plot,
    days_on_x,
    group_lines,
    key,
    latest_incident_of,
    stacked_bars,
    thousands_on_y,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COHORTS_SHOWN, _DAYS_SHOWN = 4, 60


def pipeline(con: duckdb.DuckDBPyConnection) -> Draw | None:
    """Requests asked for and booked by day, and those that wait at its end."""
    days = con.execute(
        """
        select date_day, sum(requested)::bigint as requested, sum(completed)::bigint as completed,
            sum(open_requests)::bigint as open_requests,
        from churn.port_pipeline_daily where donor_group <> recipient_group
        group by date_day order by date_day desc limit $1
        """,
        [_DAYS_SHOWN],
    ).df()
    if days.empty:
        return None

    def draw(axes: Axes) -> str:
        for name, colour in (("requested", COLOURS[0]), ("completed", COLOURS[2]), ("open_requests", COLOURS[1])):
            axes.plot(days["date_day"], days[name], color=colour, linewidth=2)
        key(axes, {"asked for": COLOURS[0], "booked": COLOURS[2], "waiting at the end of the day": COLOURS[1]})
        days_on_x(axes)
        thousands_on_y(axes)
        return f"{days['open_requests'].iloc[0]:,} requests wait for tomorrow"

    return draw


def rejections(con: duckdb.DuckDBPyConnection) -> Draw | None:
    """Rejected requests by day and reason."""
    return _stacked(
        con, "churn.port_rejection_daily", "date_day", "reject_code", "rejected",
        "{total:,} requests rejected in {days} days, by reason",
    )  # fmt: skip


def channels(con: duckdb.DuckDBPyConnection) -> Draw | None:
    """Ports between groups by day and the recipient's channel."""
    return _stacked(
        con, "churn.channel_daily", "processed_on", "sales_channel", "ports",
        "{total:,} ports in {days} days, by how the line was sold",
    )  # fmt: skip


def _stacked(con: duckdb.DuckDBPyConnection, mart: str, day: str, by: str, count: str, title: str) -> Draw | None:
    """Bars of a mart's last days, split by one of its columns, the largest part at the bottom."""
    rows = con.execute(
        f"select {day} as day, {by} as part, sum({count})::bigint as count from {mart} "
        f"where {day} > (select max({day}) from {mart}) - $1 group by all",
        [_DAYS_SHOWN],
    ).df()
    if rows.empty:
        return None
    by_day = rows.pivot(index="day", columns="part", values="count").fillna(0)
    totals = by_day.sum().astype(int).sort_values(ascending=False)

    def draw(axes: Axes) -> str:
        bars = stacked_bars(axes, by_day[totals.index])
        key(axes, {f"{total:,.0f} {part.lower().replace('_', ' ')}": colour for part, (total, colour) in bars.items()})
        days_on_x(axes)
        thousands_on_y(axes)
        return title.format(total=totals.sum(), days=len(by_day))

    return draw


def shares(con: duckdb.DuckDBPyConnection) -> Draw | None:
    """Each group's share of all handsets by month; the concentration of the market in the title."""
    months = con.execute(
        "select month, provider_group, share_handset_pct, hhi_handset from churn.market "
        "where share_handset_pct is not null order by month"
    ).df()
    if months.empty:
        return None
    last = months.iloc[-1]

    def draw(axes: Axes) -> str:
        by_month = months.pivot(index="month", columns="provider_group", values="share_handset_pct")
        of_groups = group_lines(axes, by_month, "{group} {last:.1f} %", marker="o", markersize=3)
        days_on_x(axes)
        axes.yaxis.set_major_formatter("{x:g} %")
        return f"Share of all handsets{of_groups}; Herfindahl index {last['hhi_handset']:,.0f} in {last['month']:%B %Y}"

    return draw


def net_flows(con: duckdb.DuckDBPyConnection) -> Draw | None:
    """What each group won of the others less what it lost to them, in the last whole months."""
    months = con.execute(
        "select month, recipient_group, sum(net_ports)::bigint as net from churn.market_flow "
        "group by all order by month, recipient_group"
    ).df()
    if months.empty:
        return None
    by_month = months.pivot(index="month", columns="recipient_group", values="net").fillna(0)

    def draw(axes: Axes) -> str:
        axes.axhline(0, color=INK, linewidth=1)
        of_groups = group_lines(axes, by_month, marker="o", markersize=3)
        days_on_x(axes)
        thousands_on_y(axes)
        return f"Lines won from other groups less lines lost to them, by month{of_groups}"

    return draw


def returns(con: duckdb.DuckDBPyConnection) -> Draw | None:
    """Cumulative incidence of return of the largest months of leaving, all destinations of a group together."""
    curves = con.execute(
        """
        with cohort as (
            select group_left, destination_group, month_left, max(departures) as departures,
            from churn.return_curve group by all having count(*) > 1 order by departures desc limit $1
        )
        select curve.*
        from churn.return_curve as curve
        semi join cohort on (curve.group_left, curve.destination_group, curve.month_left)
            = (cohort.group_left, cohort.destination_group, cohort.month_left)
        order by curve.departures desc, curve.group_left, curve.destination_group, curve.month_left, curve.months_since
        """,
        [_COHORTS_SHOWN],
    ).df()
    if curves.empty:
        return None
    cohorts = curves.groupby(["group_left", "destination_group", "month_left"], sort=False)

    def draw(axes: Axes) -> str:
        names = {}
        for ((left, to, month), own), colour in zip(cohorts, COLOURS, strict=False):
            since, low, high = (
                own[name] for name in ("months_since", "return_incidence_low_pct", "return_incidence_high_pct")
            )
            axes.step(since, own["return_incidence_pct"], where="post", color=colour, linewidth=2)
            axes.fill_between(since, low, high, step="post", color=colour, alpha=0.15, linewidth=0)
            names[f"{left} to {to}, {month:%b %Y}"] = colour
        key(axes, names)
        axes.set_xlabel("months since they left")
        axes.yaxis.set_major_formatter("{x:g} %")
        return "Have come back, of those who left, with 95 % intervals"

    return draw


def profile(con: duckdb.DuckDBPyConnection) -> Draw | None:
    """Departures of the latest incident for every thousand lines, by age and by how long the contract still bound."""
    rows = con.execute(
        f"""
        select incident_id, trait, trait_value, departures_per_thousand_lines as rate,
        from churn.departure_profile
        where trait in ('AGE_BAND', 'CONTRACT_MONTHS_LEFT', 'TENURE', 'ACCOUNT_LINES') and trait_value <> 'unknown'
            and departures_per_thousand_lines is not null
            and incident_id = ({latest_incident_of("churn.departure_profile", "departures_per_thousand_lines > 0")})
        order by trait, trait_value
        """
    ).df()
    if rows.empty:
        return None
    colour_of = dict(zip(rows["trait"].unique(), COLOURS, strict=False))

    def draw(axes: Axes) -> str:
        axes.barh(range(len(rows)), rows["rate"], color=rows["trait"].map(colour_of))
        axes.set_yticks(range(len(rows)), rows["trait_value"], fontsize=7)
        axes.invert_yaxis()
        axes.grid(axis="x")
        key(axes, {trait.lower().replace("_", " "): colour for trait, colour in colour_of.items()})
        axes.set_xlabel("departures for every thousand lines")
        return f"Who left ({rows['incident_id'].iloc[0]}), of the lines that billing has"

    return draw


PLOTS: Mapping[str, Plot] = {
    "churn.port_pipeline_daily": pipeline,
    "churn.port_rejection_daily": rejections,
    "churn.channel_daily": channels,
    "churn.market": shares,
    "churn.market_flow": net_flows,
    "churn.return_curve": returns,
    "churn.departure_profile": profile,
}
