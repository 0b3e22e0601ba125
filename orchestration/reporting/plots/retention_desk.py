"""Pictures of what the retention desk goes by: how well propensity tells, whom it calls, and what calls keep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import duckdb

from orchestration.base.site_profile import Site
from orchestration.reporting.plots.canvas import (
    COLOURS,
    INK,
    Draw,
    MoneyPlot,
    Plot,
    days_on_x,
    key,
    label_at_end,
    thousands_on_y,
)
from orchestration.site.money import exponent, money_at_a_glance

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def calibration(con: duckdb.DuckDBPyConnection) -> Draw | None:
    """The latest ordinary month by decile: what was foretold, and what came with its interval."""
    deciles = con.execute(
        """
        select month, decile, expected_pct, departed_pct, departed_low_pct, departed_high_pct,
        from churn.propensity_calibration
        where month = (select max(month) filter (where is_ordinary) from churn.propensity_calibration)
        order by decile
        """
    ).df()
    if deciles.empty:
        return None

    def draw(axes: Axes) -> str:
        axes.vlines(deciles["decile"], deciles["departed_low_pct"], deciles["departed_high_pct"], color=INK)
        axes.plot(deciles["decile"], deciles["departed_pct"], "o", color=INK)
        axes.plot(deciles["decile"], deciles["expected_pct"], color=COLOURS[0], linewidth=2)
        key(axes, {"foretold": COLOURS[0], "came, with its 95 % interval": INK})
        axes.set_xticks(deciles["decile"])
        axes.set_xlabel("tenth of the lines by probability, the highest first")
        axes.yaxis.set_major_formatter("{x:g} %")
        return f"Ported out within 30 days of 1 {deciles['month'].iloc[0]:%B %Y}, foretold and come"

    return draw


def ranking(con: duckdb.DuckDBPyConnection) -> Draw | None:
    """How well each month's model ranked, against contract months left alone and against chance."""
    months = con.execute(
        "select month, auc, auc_by_months_left, top_decile_lift from churn.propensity_quality "
        "where auc is not null order by month"
    ).df()
    if months.empty:
        return None
    last = months.iloc[-1]

    def draw(axes: Axes) -> str:
        axes.axhline(0.5, color=INK, linewidth=1)
        for column, name, colour in (
            ("auc", "the model", COLOURS[0]), ("auc_by_months_left", "months left alone", COLOURS[1])
        ):  # fmt: skip
            axes.plot(months["month"], months[column], color=colour, linewidth=2, marker="o")
            label_at_end(axes, name, last["month"], last[column], colour)
        days_on_x(axes)
        axes.set_ylabel("AUC out of time; 0.5 is chance")
        lift = "" if last["top_decile_lift"] is None else f": {last['top_decile_lift']:.1f} times in the top tenth"
        return f"How well propensity ranks who leaves{lift}"

    return draw


def offers(con: duckdb.DuckDBPyConnection) -> Draw | None:
    """Of those who would have left, how many the calls have kept so far, by offer, with 95 % intervals."""
    rows = con.execute(
        """
        select offer, month, lines_called, lines_held_out, saved_pct, saved_low_pct, saved_high_pct,
        from churn.offer_effect
        where scope = 'TO_DATE' and saved_low_pct is not null
        qualify row_number() over (partition by offer order by month desc) = 1
        order by offer = 'ALL' desc, offer
        """
    ).df()
    if rows.empty:
        return None
    everyone = rows.iloc[0]

    def draw(axes: Axes) -> str:
        axes.axvline(0, color=INK, linewidth=1)
        figures = rows[["saved_pct", "saved_low_pct", "saved_high_pct"]].to_numpy(float)
        for place, (saved, low, high) in enumerate(figures):
            axes.hlines(place, low, high, color=COLOURS[0], linewidth=3)
            axes.plot(saved, place, "o", color=COLOURS[0])
            axes.annotate(
                f"{saved:.0f} %, from {low:.0f} to {high:.0f}",
                (saved, place),
                xytext=(0, 7),
                textcoords="offset points",
                ha="center",
            )
        axes.set_yticks(range(len(rows)), rows["offer"].replace({"ALL": "all offers"}))
        axes.set_ylim(len(rows) - 0.5, -0.7)
        axes.margins(x=0.05)
        axes.xaxis.set_major_formatter("{x:g} %")
        axes.grid(axis="x")
        return (
            f"Of those who would have left, calls kept: {everyone['lines_called']:,} called, "
            f"{everyone['lines_held_out']:,} held out"
        )

    return draw


def calls(site: Site, con: duckdb.DuckDBPyConnection) -> Draw | None:
    """What the morning's calls are expected to save, place by place of the list, and the places that are held out."""
    lines = con.execute(
        "select list_on, queue_position, arm, coalesce(expected_saved_amount, 0)::double as saved "
        "from churn.call_list order by queue_position"
    ).df()
    if lines.empty:
        return None
    called, held_out = lines[lines["arm"] == "CALL"], lines[lines["arm"] != "CALL"]

    def draw(axes: Axes) -> str:
        large_unit = 10 ** exponent(site)
        axes.plot(called["queue_position"], called["saved"].cumsum() / large_unit, color=COLOURS[2], linewidth=2)
        axes.plot(held_out["queue_position"], [0] * len(held_out), "|", color=INK, markersize=9)
        key(axes, {"expected to be saved, to this place": COLOURS[2], "held out, and not called": INK})
        axes.set_xlabel("place in the list")
        axes.set_ylabel(site.currency)
        axes.set_ylim(bottom=0)
        thousands_on_y(axes)
        return (
            f"{len(called):,} calls on {lines['list_on'].iloc[0]:%-d %B %Y} are expected to save "
            f"{money_at_a_glance(called['saved'].sum(), site)}; {len(held_out):,} lines are held out"
        )

    return draw


PLOTS: Mapping[str, Plot] = {
    "churn.propensity_calibration": calibration,
    "churn.propensity_quality": ranking,
    "churn.offer_effect": offers,
}
MONEY_PLOTS: Mapping[str, MoneyPlot] = {"churn.call_list": calls}
