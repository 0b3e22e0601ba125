"""The morning report and the glossary, as their readers get them: one file each, every number defined."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from html import unescape
from pathlib import Path

import duckdb
import pytest

from orchestration.reporting.glossary import read_terms
from orchestration.reporting.headline import HeadlineError, read_headline
from orchestration.reporting.morning import ReportError, write_morning_report
from orchestration.reporting.morning.figures import ReadFigure, load_sections, read_sections
from orchestration.reporting.morning.known import Known
from orchestration.serving.generations import current_publication
from orchestration.warehouse import dbt
from orchestration.warehouse.graph import Graph
from tests.support.world import FIRST, LAST, World


@pytest.fixture
def desk(published_world: World, tmp_path: Path) -> World:
    """The shared world's data, with reports of its own."""
    for entry in published_world.settings.home.iterdir():
        if entry.name not in ("reports", "tmp"):
            (tmp_path / entry.name).symlink_to(entry)
    return World(published_world.settings.model_copy(update={"home": tmp_path}))


def alter(desk: World, statement: str) -> None:
    """Change what is published, in a copy of the desk's own."""
    serving = desk.settings.serving_dir
    original = serving.resolve()
    serving.unlink()
    shutil.copytree(original, serving, symlinks=True)
    file = serving / "current" / "marts.duckdb"
    file.chmod(0o644)
    file.with_name(f"{file.name}.wal").unlink()
    with duckdb.connect(str(file)) as con:
        con.execute(statement)


def test_what_another_version_published_is_refused_in_words(desk: World) -> None:
    alter(desk, "alter table churn.incident_headline rename port_outs_withdrawn_by_as_of to withdrawn")
    with pytest.raises(ReportError, match=r"another version of Ringfence.*port_outs_withdrawn_by_as_of.*ringfence run"):
        write_morning_report(desk.settings, desk.feeds)
    with pytest.raises(HeadlineError, match="another version of Ringfence"):
        read_headline(desk.settings)


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
    assert report.svg is not None
    assert ">52,661<" in page(desk, report.day)
    assert "312,902" not in page(desk, report.day)
    before = write_morning_report(desk.settings, desk.feeds, date(2025, 12, 28))
    assert before.svg is None


def test_a_report_of_a_day_that_is_not_there_is_refused(desk: World) -> None:
    for day in (FIRST - timedelta(days=1), LAST + timedelta(days=1), date(2031, 1, 1)):
        with pytest.raises(ReportError, match=f"There is no report on {day}: .* goes from {FIRST} to {LAST}"):
            write_morning_report(desk.settings, desk.feeds, day)


def figures(world: World, day: date) -> dict[str, ReadFigure]:
    """The figures of a day's page by label."""
    publication = current_publication(world.settings)
    assert publication is not None
    published = {entry.relation for entry in publication.relations if entry.door == "open"}
    with duckdb.connect(str(world.settings.serving_dir / "current" / "marts.duckdb"), read_only=True) as con:
        con.execute("set variable as_of = $1::date", [day])
        con.execute("set variable incident = 'KT_WAIVER_2026'")
        known = Known.by(day, con, world.feeds, publication)
        sections = list(read_sections(con, known, published, has_incident=True))
    return {read.figure.label: read for section in sections for read in section.figures}


def test_money_on_an_earlier_page_is_of_the_departures_until_then_and_says_how_many_they_are(
    published_world: World,
) -> None:
    for day in (date(2026, 1, 3), date(2026, 1, 9)):
        read = figures(published_world, day)["Recurring revenue lost per month, by list, of the lines that billing has"]
        sql = (
            "select sum(monthly_fee), count(line_key), count(*) from churn.port_incident "
            "where incident_id = 'KT_WAIVER_2026' and direction = 'OUT' and is_processed_in_window "
            f"and processed_on <= '{day}'"
        )
        assert [(read.value, read.part, read.whole)] == published_world.query(sql, "cases.duckdb")
    assert "% " in page(published_world) and " departures (" in page(published_world)


def test_open_cases_and_their_amount_are_those_of_the_queue_but_for_fewer_than_five(published_world: World) -> None:
    shown = figures(published_world, LAST)
    ((cases, amount),) = published_world.query(
        "select count(*), coalesce(sum(amount), 0) from fraud.\"case\" where is_open and subject_kind = 'NUMBER'",
        "cases.duckdb",
    )
    open_cases = shown["Open cases of the fraud desk"].value
    assert abs(open_cases - cases) < published_world.settings.small_group_threshold  # type: ignore[operator]
    assert open_cases != cases or shown["Suspected in these, attempts included"].value == amount


def test_an_earlier_day_has_no_figure_of_a_later_one(published_world: World) -> None:
    """Every tile reads only rows of its day and before; what is known of it is known by the morning after."""
    file = str(published_world.settings.serving_dir / "current" / "marts.duckdb")
    for read in figures(published_world, date(2026, 1, 5)).values():
        figure = read.figure
        if figure.relation == "churn.incident_amount":  # an estimate of the whole incident, which is not over yet
            assert read.is_void
            continue
        (column,) = set(re.findall(r"\b(as_of_date|date_day|known_on|month|month_left)\b", figure.where))
        last = date(2026, 1, 6 if column == "known_on" else 5)
        rows = f"(select * from {figure.relation} where {column} <= '{last}')"
        with duckdb.connect(file, read_only=True) as con:
            con.execute("set variable as_of = date '2026-01-05'; set variable incident = 'KT_WAIVER_2026'")
            assert con.execute(f"select {figure.value} from {rows} where {figure.where}").fetchone() == (read.value,)


def test_what_is_not_in_is_unknown_and_says_to_which_day_it_is_known(published_world: World, desk: World) -> None:
    with duckdb.connect(str(published_world.settings.serving_dir / "current" / "marts.duckdb"), read_only=True) as con:
        publication = current_publication(published_world.settings)
        assert publication is not None
        whole = Known.by(LAST, con, published_world.feeds, publication)
    before = frozenset(day for day in whole.delivered["payments"] if day < LAST)
    late = replace(whole, delivered={**whole.delivered, "payments": before})
    never = replace(whole, delivered={**whole.delivered, "payments": frozenset()})
    held = replace(whole, through={**whole.through, "fraud.desk_daily": LAST - timedelta(days=2)})
    assert whole.through_of("fraud.desk_daily", ["payments"]) == LAST
    assert late.through_of("fraud.desk_daily", ["payments"]) == LAST - timedelta(days=1)
    assert never.through_of("fraud.desk_daily", ["payments"]) is None
    assert held.through_of("fraud.desk_daily", ["payments"]) == LAST - timedelta(days=2)
    assert late.lacking(["payments"], 7) == [LAST]
    assert whole.through_of("churn.provider_monthly", ["provider_line_counts"]) == LAST  # a month's figures, in time


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
    assert "<b>payments</b> is not in" in page(desk)
    assert "Every feed is in" not in page(desk)


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
    assert 'id="ops.delivery.refusal"' in glossary
    assert not re.search(r"<d[dt][^>]*>[^<]*`", glossary)


def test_the_glossary_has_the_fields_terms_in_english_and_korean_and_the_currency_of_amounts(
    published_world: World,
) -> None:
    page = (published_world.settings.reports_dir / "glossary.html").read_text("utf-8")
    terms = {row[0]: row[1] for section in read_terms() for row in section.rows}
    assert len(terms) > 25
    for term, korean in terms.items():
        assert any("가" <= sign <= "힣" for sign in korean), f"{term} has no Korean term"
        assert korean in unescape(page)
    for korean in ("번호이동", "위약금", "선택약정", "공통지원금", "개통철회", "직권해지"):
        assert korean in page
    left_out = {term for section in read_terms() for term, _ in section.notes}
    assert {"Snapback", "Range holder, routing number"} <= left_out
    assert "env_var" not in page
    assert "the smallest unit of KRW" in page


def test_an_estimate_stands_with_its_interval_and_what_it_rests_on(published_world: World) -> None:
    page = unescape(next(published_world.settings.reports_dir.glob("20*.html")).read_text("utf-8"))
    (low, covers), *_ = re.findall(
        r"estimate\)</span>\s*<small>95 % interval ([\d.,]+)[^<]+</small>\s*<small>billing covers ([\d.]+) %",
        re.sub(r"</?a[^>]*>", "", page),
    )
    assert float(low.replace(",", "")) > 0
    assert 0 < float(covers) < 100


def test_where_nobody_has_asked_for_a_fee_back_the_page_tells_what_else_it_will_be_in_the_end(desk: World) -> None:
    alter(desk, "delete from churn.incident_nowcast where target = 'REFUNDS_FINAL'")
    write_morning_report(desk.settings, desk.feeds, date(2026, 1, 3))
    text = page(desk, date(2026, 1, 3))
    assert "How many it will be in the end" in text
    assert "will ask for their fee back" not in text


def test_before_the_first_publication_there_is_nothing_to_report(new_world: Callable[..., World]) -> None:
    world = new_world()
    with pytest.raises(ReportError, match="ringfence run"):
        write_morning_report(world.settings, world.feeds)
