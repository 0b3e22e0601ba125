"""Pictures in the metadata of marts, drawn from the shared world."""

import base64

import duckdb
import pytest

from orchestration.base.settings import Settings
from orchestration.reporting import plots
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
        draws = {relation: plot(con) for relation, plot in plots.retention.PLOTS.items()}
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
