"""Pictures in the metadata of marts, drawn from the shared world."""

import base64

import duckdb
import pytest

from orchestration.reporting import plots
from tests.support.world import World


@pytest.mark.parametrize("relation", [*plots.churn.PLOTS, *plots.revenue.PLOTS])  # in these weeks there was no fraud
def test_every_churn_mart_with_a_plot_shows_one(published_world: World, relation: str) -> None:
    warnings: list[str] = []
    with duckdb.connect(str(published_world.settings.warehouse), read_only=True) as con:
        shown = plots.read_plot(con, relation)(warnings.append)
    assert not warnings
    alternative_text, image = str(shown["plot"].value).split("](data:image/png;base64,")
    assert base64.b64decode(image.removesuffix(")")).startswith(b"\x89PNG")
    assert len(alternative_text) > 20


def test_a_mart_whose_neighbour_is_missing_is_shown_without_its_plot_and_says_why() -> None:
    warnings: list[str] = []
    with duckdb.connect() as con:
        assert plots.read_plot(con, "churn.incident_headline")(warnings.append) == {}
    assert "churn.incident_headline is shown without its picture: Catalog Error" in warnings[0]


def test_an_empty_mart_has_nothing_to_show() -> None:
    warnings: list[str] = []
    with duckdb.connect() as con:
        con.execute("create schema churn")
        con.execute(
            "create table churn.provider_daily "
            "(date_day date, provider_group varchar, is_processing_day boolean, net_adds_mean_7 double)"
        )
        assert plots.read_plot(con, "churn.provider_daily")(warnings.append) == {}
    assert not warnings
