"""The morning report and the glossary, as their readers get them: one file each, every number defined."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from orchestration.reporting.headline import read_headline
from orchestration.reporting.morning import ReportError, write_morning_report
from orchestration.reporting.morning.figures import load_sections
from orchestration.warehouse import dbt
from orchestration.warehouse.graph import Graph
from tests.support.world import LAST, World


@pytest.fixture
def desk(published_world: World, tmp_path: Path) -> World:
    """The shared world's data, with reports of its own."""
    for entry in published_world.settings.home.iterdir():
        if entry.name not in ("reports", "tmp"):
            (tmp_path / entry.name).symlink_to(entry)
    return World(published_world.settings.model_copy(update={"home": tmp_path}))


def page(world: World, day: date = LAST) -> str:
    return (world.settings.reports_dir / f"{day}.html").read_text("utf-8")


def test_a_run_writes_the_report_of_its_newest_day_with_both_denominators(published_world: World) -> None:
    headline = read_headline(published_world.settings)
    text = re.sub(r"<[^>]+>|\s+", " ", page(published_world))
    assert f"{headline.port_outs_cumulative:,}" in text
    assert f"{headline.top_share_all_pct:.1f} % of all departures went to SKT" in re.sub(r"\s+", " ", text)
    assert f"{headline.top_share_mno_pct:.1f} % of moves between network operators" in re.sub(r"\s+", " ", text)


def test_the_report_needs_nothing_but_itself_and_defines_every_number(published_world: World) -> None:
    html = page(published_world)
    assert not re.search(r"<(script|link|img)|@import|url\(|src=", html)
    targets = set(re.findall(r'href="#([^"]+)"', html))
    assert len(targets) > 15
    assert targets == set(re.findall(r'<dt id="([^"]+)">', html))


def test_the_report_of_an_earlier_day_is_of_that_day(desk: World) -> None:
    report = write_morning_report(desk.settings, desk.feeds, date(2026, 1, 3))
    assert report.path.name == "2026-01-03.html"
    assert report.picture is not None
    assert ">52,661<" in page(desk, report.day)
    assert "312,902" not in page(desk, report.day)
    before = write_morning_report(desk.settings, desk.feeds, date(2025, 12, 28))
    assert before.picture is None


def test_a_feed_that_is_not_in_for_the_day_is_no_good_news(published_world: World, desk: World) -> None:
    assert "all feeds are in" in page(published_world)
    raw = desk.settings.raw_dir.resolve()
    desk.settings.raw_dir.unlink()
    for day in raw.glob("*/dt=*"):
        if (day.parent.name, day.name) != ("payments", f"dt={LAST}"):
            (desk.settings.raw_dir / day.parent.name).mkdir(parents=True, exist_ok=True)
            (desk.settings.raw_dir / day.parent.name / day.name).symlink_to(day)
    write_morning_report(desk.settings, desk.feeds)
    assert "1 not in for this day" in page(desk)
    assert "Every feed is in time" not in page(desk)


def test_every_figure_is_a_column_of_an_open_mart_and_of_the_glossary(published_world: World) -> None:
    graph = Graph(dbt.manifest(published_world.settings))
    marts = {
        node.relation: {column.name for column in node.columns} for node in graph.published() if "open" in node.tags
    }
    glossary = (published_world.settings.reports_dir / "glossary.html").read_text("utf-8")
    for figure in (figure for section in load_sections() for figure in section.figures):
        assert figure.column in marts[figure.relation]
        assert figure.column in figure.value
    for node in graph.published():
        for column in node.columns:
            assert f'id="{node.relation}.{column.name}"' in glossary


def test_before_the_first_publication_there_is_nothing_to_report(new_world: Callable[..., World]) -> None:
    world = new_world()
    with pytest.raises(ReportError, match="ringfence run"):
        write_morning_report(world.settings, world.feeds)
