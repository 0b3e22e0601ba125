"""Pictures of the money marts, in millions of the site's currency; they say of how much they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import duckdb
import pandas as pd

from orchestration.base.site_profile import Site
from orchestration.reporting.plots.canvas import (
    COLOURS,
    INK,
    Draw,
    MoneyPlot,
    days_on_x,
    key,
    latest_incident_of,
    names_on_y,
)
from orchestration.site.money import exponent, money_at_a_glance

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ALL_PCT = 100
_TARIFFS_SHOWN = 12
#: What became of covered fees, from what is settled to what may still cost something.
_STATES = {"paid": COLOURS[2], "refused": COLOURS[3], "lapsed": INK, "open": COLOURS[1]}
_LOST = {
    "monthly_fee_sum": "recurring fee\nper month",
    "etf_charged_sum": "fees for leaving\ncharged",
    "etf_covered_sum": "of these, covered\nby the waiver",
    "etf_refunded_sum": "of these,\npaid back",
}


def liability(site: Site, con: duckdb.DuckDBPyConnection) -> Draw | None:
    """The latest waiver's covered fees by the end of each day: paid, refused, lapsed, and still open."""
    days = con.execute(
        f"""
        select incident_id, date_day, coverage_pct, claims_covered_amount, claims_paid_amount as paid,
            claims_refused_amount as refused, claims_lapsed_amount as lapsed, claims_open_amount as open,
        from churn.waiver_refunds
        where incident_id = ({latest_incident_of("churn.waiver_refunds")})
        order by date_day
        """
    ).df()
    if days.empty:
        return None
    last, million = days.iloc[-1], _million(site)

    def draw(axes: Axes) -> str:
        names = {f"{last[state] / million:,.1f} {state}": colour for state, colour in _STATES.items()}
        shown = pd.concat([days, days.tail(1).assign(date_day=last["date_day"] + pd.Timedelta(days=1))])
        amounts = (shown[state] / million for state in _STATES)
        axes.stackplot(shown["date_day"], *amounts, colors=list(_STATES.values()), step="post")
        key(axes, names)
        days_on_x(axes)
        _millions_on_y(axes, site)
        title, pct = "Fees that the waiver covers, and what became of them", last["coverage_pct"]
        if pct < _ALL_PCT:
            title += f", of the {pct:.1f} % of lines that billing has"
        return f"{title} ({last['incident_id']})"

    return draw


def lost(site: Site, con: duckdb.DuckDBPyConnection) -> Draw | None:
    """What the latest incident's departures took along, estimated for all of them, with 95 % intervals."""
    amounts = con.execute(
        f"""
        select measure, incident_id, coverage_pct, estimate, estimate_low, estimate_high,
        from churn.incident_amount
        where relation = 'revenue_lost' and estimate > 0
            and incident_id = ({latest_incident_of("churn.incident_amount")})
        """
    ).df()
    amounts = amounts.set_index("measure").reindex(list(_LOST)).dropna(subset="estimate")
    if amounts.empty:
        return None
    million = _million(site)

    def draw(axes: Axes) -> str:
        values = amounts[["estimate", "estimate_low", "estimate_high"]].astype(float) / million
        for place, (estimate, low, high) in enumerate(values.itertuples(index=False)):
            axes.bar(place, estimate, width=0.6, color=COLOURS[0])
            axes.vlines(place, low, high, color=INK, linewidth=3)
            text = f"{low:,.0f} to {high:,.0f}"
            axes.annotate(text, (place, high), xytext=(0, 3), textcoords="offset points", ha="center", color=INK)
        axes.set_xticks(range(len(amounts)), [_LOST[str(measure)] for measure in amounts.index])
        axes.set_xlim(-0.5, len(amounts) - 0.5)
        _millions_on_y(axes, site)
        title, pct = "What all departures took along", amounts["coverage_pct"].iloc[0]
        if pct < _ALL_PCT:
            title += f", estimated from the {pct:.1f} % that billing has"
        return f"{title} ({amounts['incident_id'].iloc[0]})"

    return draw


def owed(site: Site, con: duckdb.DuckDBPyConnection) -> Draw | None:
    """What the latest waiver will have to pay back, as each day expected it, beside what was asked and paid by then."""
    days = con.execute(
        f"""
        select incident_id, date_day, expected_amount, claims_asked_amount, claims_paid_amount, take_up_basis,
        from churn.refund_liability
        where incident_id = ({latest_incident_of("churn.refund_liability")})
        order by date_day
        """
    ).df()
    if days.empty:
        return None
    last, million = days.iloc[-1], _million(site)
    lines = {"expected in the end": "expected_amount", "asked": "claims_asked_amount", "paid": "claims_paid_amount"}

    def draw(axes: Axes) -> str:
        for column, colour in zip(lines.values(), COLOURS, strict=False):
            axes.step(days["date_day"], days[column] / million, where="post", color=colour, linewidth=2)
        key(axes, dict(zip(lines, COLOURS, strict=False)))
        days_on_x(axes)
        _millions_on_y(axes, site)
        amount = last["expected_amount"] / million
        return f"Fees to pay back, of the lines that billing has: {amount:,.1f} in the end ({last['incident_id']})"

    return draw


def flows(site: Site, con: duckdb.DuckDBPyConnection) -> Draw | None:
    """Recurring revenue that went out and came in with ported lines by month, estimated for all of them."""
    months = con.execute(
        """
        select date_trunc('month', date_day)::date as month, direction, sum(estimate)::double as estimate,
        from churn.revenue_flow where estimate is not null group by all order by month, direction
        """
    ).df()
    if months.empty:
        return None
    by_month = months.pivot(index="month", columns="direction", values="estimate").fillna(0) / _million(site)

    def draw(axes: Axes) -> str:
        names = {"OUT": ("went out", COLOURS[4]), "IN": ("came in", COLOURS[2])}
        for direction, (_, colour) in names.items():
            if direction in by_month:
                axes.plot(by_month.index, by_month[direction], color=colour, linewidth=2, marker="o", markersize=3)
        key(axes, dict(names.values()))
        days_on_x(axes)
        _millions_on_y(axes, site, " a month")
        return "Recurring revenue that went and came with ported lines, by month, estimated for all"

    return draw


def plans(site: Site, con: duckdb.DuckDBPyConnection) -> Draw | None:
    """What went and came with ported lines in the latest month, by tariff; a tariff is named by its monthly fee."""
    tariffs = con.execute(
        """
        select max(month) as month, sum(monthly_fee_sum) / sum(ports_with_line) as monthly_fee,
            coalesce(sum(monthly_fee_sum) filter (direction = 'OUT'), 0)::double as went_out,
            coalesce(sum(monthly_fee_sum) filter (direction = 'IN'), 0)::double as came_in,
        from churn.revenue_flow_plan
        where month = (select max(month) from churn.revenue_flow_plan) and ports_with_line > 0
        group by plan_code order by went_out + came_in desc limit $1
        """,
        [_TARIFFS_SHOWN],
    ).df()
    if tariffs.empty:
        return None
    tariffs, million = tariffs.sort_values("monthly_fee", ignore_index=True), _million(site)

    def draw(axes: Axes) -> str:
        axes.axvline(0, color=INK, linewidth=1)
        axes.barh(tariffs.index, -tariffs["went_out"] / million, height=0.7, color=COLOURS[4])
        axes.barh(tariffs.index, tariffs["came_in"] / million, height=0.7, color=COLOURS[2])
        names_on_y(axes, [money_at_a_glance(fee, site) for fee in tariffs["monthly_fee"]])
        axes.xaxis.set_major_formatter(lambda value, position: f"{abs(value):g}")
        axes.set_xlabel(f"million {site.currency} a month, of the lines that billing has")
        axes.margins(x=0.03)
        key(axes, {"went out": COLOURS[4], "came in": COLOURS[2]})
        return f"Recurring revenue that went and came in {tariffs['month'].iloc[0]:%B %Y}, by the fee of the tariff"

    return draw


def _millions_on_y(axes: Axes, site: Site, per: str = "") -> None:
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.set_ylabel(f"million {site.currency}{per}")


def _million(site: Site) -> int:
    """A million of the currency, in its smallest unit, which the marts hold."""
    return int(10 ** (6 + exponent(site)))


PLOTS: Mapping[str, MoneyPlot] = {
    "churn.waiver_refunds": liability,
    "churn.incident_amount": lost,
    "churn.refund_liability": owed,
    "churn.revenue_flow": flows,
    "churn.revenue_flow_plan": plans,
}
