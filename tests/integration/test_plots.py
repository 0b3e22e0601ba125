"""Pictures in the metadata of marts, drawn from the shared world."""

import base64
import re
from collections.abc import Iterator
from datetime import date
from html import unescape
from itertools import combinations
from typing import Any

import duckdb
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from orchestration.base.settings import Settings
from orchestration.reporting import plots
from orchestration.reporting.plots.canvas import Draw, days_on_x, svg
from tests.support.world import KEY, World

SITE = Settings(pseudonym_key=KEY).site_profile  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "relation", [*plots.churn.PLOTS, *plots.market.PLOTS, *plots.revenue.PLOTS]
)  # in these weeks there was no fraud
def test_every_churn_mart_with_a_plot_shows_one(published_world: World, relation: str) -> None:
    warnings: list[str] = []
    with duckdb.connect(str(published_world.settings.warehouse), read_only=True) as con:
        shown = plots.plot_reader(published_world.settings.site_profile)(con, relation)(warnings.append)
    assert not warnings
    alternative_text, image = str(shown["plot"].value).split("](data:image/png;base64,")
    assert base64.b64decode(image.removesuffix(")")).startswith(b"\x89PNG")
    assert len(alternative_text) > 20


@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.parametrize("width", [358, 860])
@pytest.mark.parametrize("days", [1, 2, 3, 4])
@pytest.mark.parametrize("kind", ["bar", "plot"])
def test_the_first_days_of_an_incident_are_days_and_not_hours_or_years(kind: str, days: int, width: int) -> None:
    drawn: list[Axes] = []

    def draw(axes: Axes) -> str:
        getattr(axes, kind)([date(2026, 1, day + 1) for day in range(days)], range(days))
        days_on_x(axes)
        drawn.append(axes)
        return "Departures"

    svg(draw, width, 230)
    assert [tick.get_text() for tick in drawn[0].get_xticklabels()] == [f"{day + 1} Jan" for day in range(days)]


def test_a_mart_whose_neighbour_is_missing_is_shown_without_its_plot_and_says_why() -> None:
    warnings: list[str] = []
    with duckdb.connect() as con:
        assert plots.plot_reader(SITE)(con, "churn.incident_headline")(warnings.append) == {}
    assert "churn.incident_headline is shown without its picture: Catalog Error" in warnings[0]


def test_an_empty_mart_has_nothing_to_show() -> None:
    warnings: list[str] = []
    with duckdb.connect() as con:
        con.execute("create schema churn")
        con.execute(
            "create table churn.provider_daily "
            "(date_day date, provider_group varchar, is_processing_day boolean, net_adds_mean_7 double)"
        )
        assert plots.plot_reader(SITE)(con, "churn.provider_daily")(warnings.append) == {}
    assert not warnings


def test_a_breachs_hazard_ratios_are_drawn_by_period_and_one_of_nought_says_how_much_it_may_be() -> None:
    with duckdb.connect() as con:
        con.execute(
            "create schema fraud; create table fraud.breach_churn as from (values "
            "('B', 'EXPOSED', 'ALL', date '2025-09-06', 1.4, 1.2, 1.6, 0.001), "
            "('B', 'EXPOSED', 'BEFORE_WAIVER', date '2025-09-06', 1.8, 1.5, 2.1, null), "
            "('B', 'EXPOSED', 'DURING_WAIVER', date '2025-12-31', 0.0, 0.0, 0.4, null), "
            "('B', 'VICTIM', 'ALL', date '2025-09-06', 4.2, 3.1, 5.7, null), "
            "('B', 'VICTIM', 'BEFORE_WAIVER', date '2025-09-06', null, null, null, null)"
            ") as t(incident_id, line_group, period, period_starts_on, hazard_ratio, hazard_ratio_low, "
            "hazard_ratio_high, proportionality_p_value)"
        )
        draw = plots.breach.hazard_ratios(con)
    assert draw is not None
    drawn = plots.canvas.svg(draw, 700, 340)
    for text in ("before the waiver", "exposed", "victim", "0, at most 0.4", "4.2", "(B)"):
        assert text in drawn
    assert "after it" not in drawn


def test_the_retention_desks_pictures_say_what_was_foretold_what_came_and_what_calls_kept() -> None:
    with duckdb.connect() as con:
        con.execute(
            "create schema churn; create table churn.propensity_calibration as "
            "select date '2025-11-01' as month, decile, true as is_ordinary, 2.0 / decile as expected_pct, "
            "2.1 / decile as departed_pct, "
            "1.6 / decile as departed_low_pct, 2.6 / decile as departed_high_pct from range(1, 11) as t(decile); "
            "create table churn.propensity_quality as from (values (date '2025-10-01', 0.65, 0.53, 2.3), "
            "(date '2025-11-01', 0.66, 0.58, 2.4)) as t(month, auc, auc_by_months_left, top_decile_lift); "
            "create table churn.offer_effect as from (values "
            "(date '2025-10-01', 'ALL', 'TO_DATE', 1000, 100, 9, 1, 17), "
            "(date '2025-11-01', 'ALL', 'TO_DATE', 2000, 200, 25.2, 3, 40), "
            "(date '2025-11-01', 'PRICE_CUT', 'TO_DATE', 900, 90, 35, 12, 52)) as t(month, offer, scope, lines_called, "
            "lines_held_out, saved_pct, saved_low_pct, saved_high_pct)"
        )
        draws = {relation: plot(con) for relation, plot in plots.retention_desk.PLOTS.items()}
    texts = {
        "churn.propensity_calibration": ("foretold", "1 November 2025"),
        "churn.propensity_quality": ("months left alone", "2.4 times in the top tenth"),
        "churn.offer_effect": ("all offers", "25 %, from 3 to 40", "2,000 called"),
    }
    assert texts.keys() == draws.keys()
    for relation, draw in draws.items():
        assert draw is not None
        drawn = plots.canvas.svg(draw, 700, 340)
        assert [text for text in texts[relation] if text not in drawn] == []


def test_dealers_pictures_name_those_who_are_out_of_line_first() -> None:
    with duckdb.connect() as con:
        con.execute(
            """
            create schema churn;
            create table churn.dealer_monthly as
            select date '2026-01-01' as month, 'D' || n as dealer_code, 'SKT' as recipient_group,
                date '2026-01-12' as busiest_on, 20 + n as busiest_day_ports, 3.5 as usual_ports_per_day,
                n > 3 as has_mass_day
            from range(20) as t(n);
            create table churn.dealer_early_churn as
            select date '2025-09-01' as month, 'D' || n as dealer_code, 'KT' as provider_group, n as ended_early,
                5.0 * n as early_churn_pct, 2.0 * n as early_churn_low_pct, 8.0 * n as early_churn_high_pct,
                3.0 as usual_early_churn_pct, n = 2 as is_conspicuous
            from range(6) as t(n)
            """
        )
        mass, early = (draw for plot in plots.dealers.PLOTS.values() if (draw := plot(con)))
        con.execute("update churn.dealer_monthly set has_mass_day = false; delete from churn.dealer_early_churn")
        assert [plot(con) for plot in plots.dealers.PLOTS.values()] == [None, None]
    drawn = plots.canvas.svg(mass, 860, 300)
    assert "Days of mass ports in January 2026: the largest of 16" in drawn
    assert [n for n in range(20) if f"D{n} for SKT, 12 Jan" in drawn] == list(range(10, 20))
    drawn = plots.canvas.svg(early, 860, 300)
    assert "ended early: 1 of 6 dealers are conspicuous" in drawn
    assert re.findall(r"D\d of KT", drawn) == ["D2 of KT", "D5 of KT", "D4 of KT", "D3 of KT", "D1 of KT"]


def test_the_call_lists_picture_says_what_its_calls_save_and_nobody_elses() -> None:
    with duckdb.connect() as con:
        con.execute(
            "create schema churn; create table churn.call_list as select date '2026-03-01' as list_on, "
            "n as queue_position, if(n % 5 = 0, 'HOLD_OUT', 'CALL') as arm, 100_000 as expected_saved_amount "
            "from range(1, 101) as t(n)"
        )
        draw = plots.retention_desk.calls(SITE, con)
    assert draw is not None
    assert "80 calls on 1 March 2026 are expected to save 8.0 M KRW; 20 lines are held out" in unescape(
        plots.canvas.svg(draw, 860, 300)
    )


@pytest.fixture
def crowded() -> Iterator[duckdb.DuckDBPyConnection]:
    """A market of two operators and sixteen MVNOs, in a waiver of ten days."""
    with duckdb.connect() as con:
        con.execute(
            """
            create schema churn; create schema core;
            create table core.dim_incident as select 'W' as incident_id, 'KTEL' as provider_group, 'WAIVER' as kind,
                date '2026-03-01' as starts_on, date '2026-03-10' as ends_on, true as is_in_view;
            create table churn.incident_headline as
            select 'W' as incident_id, day::date as as_of_date, 100 as port_outs_cumulative
            from range(date '2026-03-01', date '2026-03-11', interval 1 day) as t(day);
            create table churn.incident_destination as
            select incident_id, as_of_date, 'MVNO number ' || g as destination_group, 2000 - 100 * g as port_outs_day
            from churn.incident_headline cross join range(16) as groups(g);
            create table churn.waiver_effect as
            select incident_id, as_of_date as date_day, true as is_processing_day,
                900.0 as baseline_port_outs, 800.0 as baseline_low, 1000.0 as baseline_high
            from churn.incident_headline;
            create table churn.provider_daily as
            select as_of_date as date_day, 'MVNO number ' || g as provider_group, true as is_processing_day,
                10.0 * g as net_adds_mean_7
            from churn.incident_headline cross join range(16) as groups(g);
            """
        )
        yield con


def _boxes(draw: Draw) -> tuple[Any, list[Any]]:
    """The picture's frame, and the boxes of its key's texts and of the labels within it."""
    figure = Figure(figsize=(7.5, 3.6), layout="constrained")
    axes = figure.subplots()
    draw(axes)
    figure.draw_without_rendering()
    legend = axes.get_legend()
    texts = [*(legend.get_texts() if legend else []), *axes.texts]
    return figure.bbox, [text.get_window_extent() for text in texts]


@pytest.mark.parametrize("plot", [plots.churn.exodus, plots.churn.net_adds])
def test_texts_of_a_picture_of_many_groups_stand_within_it_and_beside_each_other(
    crowded: duckdb.DuckDBPyConnection, plot: plots.canvas.Plot
) -> None:
    draw = plot(crowded)
    assert draw is not None
    frame, boxes = _boxes(draw)
    assert len(boxes) >= 6
    assert all(box.x0 >= frame.x0 and box.x1 <= frame.x1 for box in boxes)
    assert not [(one, two) for one, two in combinations(boxes, 2) if one.overlaps(two)]


def test_bars_of_many_destinations_are_all_of_them(crowded: duckdb.DuckDBPyConnection) -> None:
    draw = plots.churn.exodus(crowded)
    assert draw is not None
    drawn = unescape(plots.canvas.svg(draw, 860, 300))
    total = sum(2000 - 100 * g for g in range(16)) * 10
    assert f"{total:,} lines left KTEL" in drawn
    assert f"{10 * sum(2000 - 100 * g for g in range(5, 16)):,} to 11 others" in drawn


def test_a_waiver_without_a_refund_has_a_key_of_noughts_beside_each_other() -> None:
    with duckdb.connect() as con:
        con.execute(
            "create schema churn; create schema core; create table core.dim_incident as "
            "select 'W' as incident_id, date '2026-03-01' as starts_on; create table churn.waiver_refunds as "
            "select 'W' as incident_id, day::date as date_day, 100.0 as coverage_pct, 10**9 as claims_covered_amount, "
            "0 as claims_paid_amount, 0 as claims_refused_amount, 0 as claims_lapsed_amount, "
            "10**9 as claims_open_amount from range(date '2026-03-01', date '2026-03-11', interval 1 day) as t(day)"
        )
        draw = plots.revenue.liability(SITE, con)
    assert draw is not None
    _, boxes = _boxes(draw)
    assert len(boxes) == 4
    assert not [(one, two) for one, two in combinations(boxes, 2) if one.overlaps(two)]
