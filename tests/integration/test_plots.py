"""Pictures in the metadata of marts, drawn from the shared world."""

import base64

import duckdb
import pytest

from orchestration.base.settings import Settings
from orchestration.reporting import plots
from tests.support.world import KEY, World

SITE = Settings(pseudonym_key=KEY).site_profile  # type: ignore[arg-type]


@pytest.mark.parametrize("relation", [*plots.churn.PLOTS, *plots.revenue.PLOTS])  # in these weeks there was no fraud
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
