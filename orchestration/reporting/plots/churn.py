"""Pictures of the churn marts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING

import duckdb
import pandas as pd

from orchestration.reporting.headline import latest_incident
from orchestration.reporting.plots.canvas import (
    ACCENT,
    COLOURS,
    FAINT,
    INK,
    Draw,
    Plot,
    days_on_x,
    group_lines,
    key,
    label_at_end,
    stacked_bars,
    thousands_on_y,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COHORTS_SHOWN = 3


def exodus(con: duckdb.DuckDBPyConnection) -> Draw | None:
    """The latest incident's departures by day and destination, and what was to be expected without it."""
    found = _latest_incident(con)
    return departures(con, *found) if found else None


def departures(con: duckdb.DuckDBPyConnection, incident_id: str, group: str, until: date = date.max) -> Draw | None:
    """An incident's departures by day and destination up to a day, and what was to be expected without it."""
    outs = con.execute(
        "select as_of_date, destination_group, port_outs_day from churn.incident_destination "
        "where incident_id = $1 and as_of_date <= $2",
        [incident_id, until],
    ).df()
    if outs.empty:
        return None
    by_day = outs.pivot(index="as_of_date", columns="destination_group", values="port_outs_day")
    totals = by_day.sum().sort_values(ascending=False)
    expected = _effect(con, incident_id, until).dropna(subset="baseline_port_outs")

    def draw(axes: Axes) -> str:
        bars = stacked_bars(axes, by_day[totals.index])
        names = {f"{total:,.0f} to {destination}": colour for destination, (total, colour) in bars.items()}
        if len(expected):
            names["expected without it"] = ACCENT
            days, half = expected["date_day"], pd.Timedelta(hours=10)
            axes.hlines(expected["baseline_port_outs"], days - half, days + half, color=ACCENT, linewidth=2)
            axes.vlines(days, expected["baseline_low"], expected["baseline_high"], color=ACCENT, linewidth=1.5)
        key(axes, names)
        days_on_x(axes)
        thousands_on_y(axes)
        return f"{totals.sum():,} lines left {group}, by day and destination ({incident_id})"

    return draw


def excess(con: duckdb.DuckDBPyConnection) -> Draw | None:
    """Since the start of the latest incident: departures beyond what was to be expected, with the 95 % interval."""
    found = _latest_incident(con)
    if found is None:
        return None
    incident_id, group = found
    days = _effect(con, incident_id).dropna(subset="excess_port_outs_cumulative")
    if days.empty:
        return None
    more, low, high = (
        days[name] for name in ("excess_port_outs_cumulative", "excess_cumulative_low", "excess_cumulative_high")
    )

    def draw(axes: Axes) -> str:
        axes.plot(days["date_day"], more, color=COLOURS[0], linewidth=2)
        axes.fill_between(days["date_day"], low, high, color=COLOURS[0], alpha=0.3, linewidth=0)
        label_at_end(
            axes, f"{low.iloc[-1]:,.0f}\nto {high.iloc[-1]:,.0f}", days["date_day"].iloc[-1], more.iloc[-1], COLOURS[0]
        )
        days_on_x(axes)
        thousands_on_y(axes)
        return f"{more.iloc[-1]:,.0f} more lines left {group} than without it ({incident_id})"

    return draw


def nowcast(con: duckdb.DuckDBPyConnection) -> Draw | None:
    """How the estimate of the latest exodus' final count moved."""
    row = con.execute("select arg_max(incident_id, as_of_date) from churn.incident_nowcast").fetchone()
    return nowcast_of(con, row[0]) if row and row[0] else None


def nowcast_of(con: duckdb.DuckDBPyConnection, incident_id: str, until: date = date.max) -> Draw | None:
    """How the estimate of an exodus' final count moved up to a day, with its intervals, and what it came to so far."""
    days = con.execute(
        """
        select incident_id, provider_group, as_of_date, known, estimate, low_50, high_50, low_80, high_80,
        from churn.incident_nowcast
        where target = 'PORT_OUTS_FINAL' and incident_id = $1 and as_of_date <= $2
        order by as_of_date
        """,
        [incident_id, until],
    ).df()
    return _estimates(days) if len(days) else None


def _estimates(days: pd.DataFrame) -> Draw:
    """The estimate of each evening, with what was known then: the last one says how many it will be."""
    last = days.iloc[-1]
    on, name = days["as_of_date"], last["incident_id"]

    def draw(axes: Axes) -> str:
        for low, high, strength in (("low_80", "high_80", 0.15), ("low_50", "high_50", 0.3)):
            # as one outline: what has to be looked up in its own file would be lost on a page
            outline = pd.concat([days[low], days[high][::-1]])
            axes.fill(pd.concat([on, on[::-1]]), outline, color=COLOURS[0], alpha=strength, linewidth=0)
        axes.plot(on, days["estimate"], color=COLOURS[0], linewidth=2)
        axes.step(on, days["known"], where="post", color=INK, linewidth=2)
        names = {"expected in the end, with 50 and 80 % intervals": COLOURS[0], "left so far": INK}
        key(axes, names)
        label_at_end(axes, f"{last['estimate']:,.0f}", last["as_of_date"], last["estimate"], COLOURS[0])
        axes.set_ylim(bottom=0)
        days_on_x(axes)
        thousands_on_y(axes)
        if last["low_80"] == last["high_80"]:
            return f"{last['known']:,.0f} lines left {last['provider_group']}, and what each evening expected ({name})"
        range_ = f"{last['low_80']:,.0f} to {last['high_80']:,.0f}"
        return f"{range_} lines will have left {last['provider_group']} in the end, in four cases of five ({name})"

    return draw


def _effect(con: duckdb.DuckDBPyConnection, incident_id: str, until: date = date.max) -> pd.DataFrame:
    return con.execute(
        "select * from churn.waiver_effect where incident_id = $1 and is_processing_day and date_day <= $2 "
        "order by date_day",
        [incident_id, until],
    ).df()


def net_adds(con: duckdb.DuckDBPyConnection) -> Draw | None:
    """Lines won less lines lost: means over seven processing days, incidents shaded; of groups that moved most."""
    means = con.execute(
        "select date_day, provider_group, net_adds_mean_7 from churn.provider_daily "
        "where is_processing_day and net_adds_mean_7 is not null order by date_day"
    ).df()
    if means.empty:
        return None
    by_day = means.pivot(index="date_day", columns="provider_group", values="net_adds_mean_7")
    incidents = con.execute(
        "select starts_on, ends_on from core.dim_incident where is_in_view and ends_on >= $1 and starts_on <= $2",
        [means["date_day"].min(), means["date_day"].max()],
    ).fetchall()

    def draw(axes: Axes) -> str:
        for starts_on, ends_on in incidents:
            axes.axvspan(starts_on, ends_on, color=FAINT, linewidth=0)
        axes.axhline(0, color=INK, linewidth=1)
        of_groups = group_lines(axes, by_day)
        days_on_x(axes)
        thousands_on_y(axes)
        return f"Net adds a day{of_groups}, mean of seven processing days (incidents in grey)"

    return draw


def survival(con: duckdb.DuckDBPyConnection) -> Draw | None:
    """Curves of the largest group's cohorts that were observed longest: still here, with its interval; not departed."""
    curves = con.execute(
        """
        with cohort as (
            select activation_month, provider_group, min(months_since) as from_month, count(*) as months,
                max(at_risk) as lines,
            from churn.retention_cohort group by all having months > 1
        ),
        longest as (
            select *, row_number() over (order by activation_month desc) as place, count(*) over () as cohorts,
            from cohort
            where provider_group = (select arg_max(provider_group, lines) from cohort)
                and months = (select max(months) from cohort)
        )
        select activation_month, months_since - from_month as months, survival_pct, survival_low_pct,
            survival_high_pct, 100 - departure_incidence_pct as not_departed_pct,
        from longest join churn.retention_cohort using (activation_month, provider_group)
        where (place - 1) % greatest(1, cohorts // $1) = 0 and place <= $1 * greatest(1, cohorts // $1)
        order by activation_month desc, months
        """,
        [_COHORTS_SHOWN],
    ).df()
    if curves.empty:
        return None

    def draw(axes: Axes) -> str:
        from matplotlib.ticker import MaxNLocator

        names = {}
        for (month, curve), colour in zip(curves.groupby("activation_month", sort=False), COLOURS, strict=False):
            axes.step(curve["months"], curve["survival_pct"], where="post", color=colour, linewidth=2)
            axes.step(curve["months"], curve["not_departed_pct"], where="post", color=colour, linestyle=":")
            axes.fill_between(
                curve["months"], curve["survival_low_pct"], curve["survival_high_pct"],
                step="post", color=colour, alpha=0.15, linewidth=0,
            )  # fmt: skip
            names[f"{month:%b %Y}"] = colour
        key(axes, names)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("months since first observed")
        axes.yaxis.set_major_formatter("{x:g} %")
        return "Still here, and not ported out (dotted), by activation month"

    return draw


def _latest_incident(con: duckdb.DuckDBPyConnection) -> tuple[str, str] | None:
    """The incident that the headline is about, and its group."""
    return con.execute(
        "select incident_id, provider_group from core.dim_incident where incident_id = $1", [latest_incident(con)]
    ).fetchone()


PLOTS: Mapping[str, Plot] = {
    "churn.incident_headline": exodus,
    "churn.incident_nowcast": nowcast,
    "churn.waiver_effect": excess,
    "churn.provider_daily": net_adds,
    "churn.retention_cohort": survival,
}
