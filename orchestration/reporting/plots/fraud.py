"""Pictures of the fraud marts."""

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
    key,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_RULES_SHOWN = 8
_REGIONS_SHOWN = 14
_RINGS_NAMED = 3
_LARGEST_DOT, _SMALLEST_DOT = 300, 4  # points squared
_DAYS_SIDE_BY_SIDE = 60  # more of them, and dots of that size would cover each other


def alerts_by_rule(con: duckdb.DuckDBPyConnection) -> Draw | None:
    """The rules behind the most alerts, by the day on which the alert was first known; an alert has several."""
    counts = con.execute(
        """
        with hit as (
            select first_alerted_at::date as first_alerted_on, rule_id
            from fraud.alert join fraud.rule_hit using (payment_id)
        ),
        busiest as (select rule_id from hit group by all order by count(*) desc, rule_id limit $1)
        select first_alerted_on, rule_id, count(*) as alerts from hit semi join busiest using (rule_id) group by all
        """,
        [_RULES_SHOWN],
    ).df()
    if counts.empty:
        return None

    def draw(axes: Axes) -> str:
        totals = counts.groupby("rule_id")["alerts"].sum().sort_values()
        days = (counts["first_alerted_on"].max() - counts["first_alerted_on"].min()).days
        largest = _LARGEST_DOT * min(1, _DAYS_SIDE_BY_SIDE / max(days, 1))
        for place, (rule, total) in enumerate(totals.items()):
            own = counts[counts["rule_id"] == rule]
            sizes = (largest * own["alerts"] / counts["alerts"].max()).clip(lower=_SMALLEST_DOT)
            axes.scatter(own["first_alerted_on"], [place] * len(own), s=sizes, color=COLOURS[0], alpha=0.6, linewidth=0)
            axes.annotate(
                f"{total:,}", (1, place), xycoords=("axes fraction", "data"), xytext=(6, 0), textcoords="offset points",
                color=INK, va="center",
            )  # fmt: skip
        axes.set_yticks(range(len(totals)), labels=list(totals.index))
        axes.margins(x=0.03, y=0.08)
        days_on_x(axes)
        most = int(counts["alerts"].max())
        return f"Alerts by rule and day (largest dot: {most:,})"

    return draw


def hours(con: duckdb.DuckDBPyConnection) -> Draw | None:
    """When in the day payments, alerts and confirmed frauds happen, each as shares of their own total."""
    shares = con.execute(
        """
        with hourly as (
            select hour_of_day, sum(payments) as payments, sum(alerts) as alerts, sum(confirmed) as confirmed
            from fraud.fraud_hourly group by all
        )
        select hour_of_day, payments / sum(payments) over () as payments,
            alerts / nullif(sum(alerts) over (), 0) as alerts,
            confirmed / nullif(sum(confirmed) over (), 0) as confirmed,
        from hourly order by hour_of_day
        """
    ).df()
    if shares.empty or shares["alerts"].isna().all():
        return None

    def draw(axes: Axes) -> str:
        names = {"all payments": INK, "alerts": COLOURS[1], "confirmed as fraud": COLOURS[4]}
        for column, colour in zip(("payments", "alerts", "confirmed"), names.values(), strict=True):
            axes.step(shares["hour_of_day"], 100 * shares[column], where="mid", color=colour, linewidth=2)
        key(axes, names)
        axes.set_xticks(range(0, 24, 3))
        axes.set_xlabel("hour of the day")
        axes.yaxis.set_major_formatter("{x:g} %")
        return "When payments happen, and which of them are fraud"

    return draw


def quality(con: duckdb.DuckDBPyConnection) -> Draw | None:
    """Bounds of precision, and recall, of all rules together, by month of the payments; hollow until it has matured."""
    months = con.execute(
        "select month, is_matured, precision_low_pct, coalesce(precision_high_pct, 100) as precision_high_pct, "
        "precision_matured_pct, recall_pct from fraud.detection_quality "
        "where rule_id = 'ALL' and (precision_low_pct is not null or recall_pct is not null) order by month"
    ).df()
    if months.empty:
        return None

    def draw(axes: Axes) -> str:
        places = range(len(months))
        axes.vlines(
            places, months["precision_low_pct"], months["precision_high_pct"], color=COLOURS[0], linewidth=8, alpha=0.4
        )
        axes.scatter(places, months["precision_matured_pct"], color=COLOURS[0], zorder=3)
        axes.plot(places, months["recall_pct"], color=COLOURS[1], linewidth=2)
        faces = [COLOURS[1] if is_matured else "white" for is_matured in months["is_matured"]]
        axes.scatter(places, months["recall_pct"], color=faces, edgecolors=COLOURS[1], zorder=3)
        key(axes, {"precision lies in the bar (dot: matured)": COLOURS[0], "recall (hollow: still open)": COLOURS[1]})
        axes.set_xticks(places, labels=[f"{month:%b %Y}" for month in months["month"]])
        axes.margins(x=0.1)
        axes.set_ylim(0, 105)
        axes.yaxis.set_major_formatter("{x:g} %")
        return "How many alerts are fraud, and how much confirmed fraud was alerted"

    return draw


def moving_cells(con: duckdb.DuckDBPyConnection) -> Draw | None:
    """Where unregistered cells served numbers, day by day; regions from top to bottom as they were first reached."""
    days = con.execute(
        """
        with daily as (
            select coalesce(regions.name, region_code, 'unknown') as region, date_day, sum(numbers) as numbers,
            from fraud.unregistered_cell_daily left join reference.regions using (region_code)
            where cleared_on is null group by all
        ),
        reached as (select *, min(date_day) over (partition by region) as first_day from daily)
        select *, dense_rank() over (order by first_day, region) as place
        from reached qualify place <= $1 order by place
        """,
        [_REGIONS_SHOWN],
    ).df()
    if days.empty:
        return None

    def draw(axes: Axes) -> str:
        sizes = _LARGEST_DOT * days["numbers"] / days["numbers"].max()
        axes.scatter(days["date_day"], days["place"], s=sizes, color=COLOURS[4], alpha=0.6, linewidth=0)
        regions = days.drop_duplicates("place")
        axes.set_yticks(regions["place"], labels=list(regions["region"]))
        axes.invert_yaxis()
        axes.margins(x=0.03, y=0.08)
        days_on_x(axes)
        most = int(days["numbers"].max())
        return f"Numbers on unregistered cells (largest dot: {most:,})"

    return draw


def rings(con: duckdb.DuckDBPyConnection) -> Draw | None:
    """Rings by when they began and how long they went on, a dot as large as its lines each; the largest are named."""
    found = con.execute(
        "select first_payment_at::date as first_on, span_days, lines, joined_most_by from fraud.ring "
        "order by lines desc, ring_id"
    ).df()
    if found.empty:
        return None

    def draw(axes: Axes) -> str:
        sizes = (_LARGEST_DOT * 3 * found["lines"] / found["lines"].max()).clip(lower=4 * _SMALLEST_DOT)
        axes.scatter(found["first_on"], found["span_days"], s=sizes, color=COLOURS[4], alpha=0.5, linewidth=0)
        for ring in found.head(_RINGS_NAMED).itertuples():
            label = f"{ring.lines:,} lines, {ring.joined_most_by}"
            axes.annotate(label, (ring.first_on, ring.span_days), xytext=(8, 4), textcoords="offset points", color=INK)
        axes.set_ylabel("days from first to last payment")
        axes.margins(x=0.25, y=0.15)
        days_on_x(axes)
        return f"{len(found):,} rings of payments that belong together"

    return draw


PLOTS: Mapping[str, Plot] = {
    "fraud.alert": alerts_by_rule,
    "fraud.ring": rings,
    "fraud.fraud_hourly": hours,
    "fraud.detection_quality": quality,
    "fraud.unregistered_cell_daily": moving_cells,
}
