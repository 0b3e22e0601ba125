"""The main job as its users meet it: dirty extracts in, the published headline out."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest

from orchestration.base.refusal import Refusal, UnknownNameError
from orchestration.base.settings import PROJECT
from orchestration.ingest.receipt import read_receipts
from orchestration.reporting.failures import read_failures
from orchestration.reporting.headline import HeadlineError, read_headline
from orchestration.rules.explain import ExplainError, explain
from orchestration.runtime.instance import prepare_dagster_home
from orchestration.serving.generations import current_dir, publications, rollback
from orchestration.state.run_report import Exit
from orchestration.state.status import read_status
from tests.support.world import FIRST, LAST, World

INCIDENT = "KT_WAIVER_2026"


def test_the_first_four_days_come_out_as_published(published_world: World) -> None:
    headline = read_headline(published_world.settings, INCIDENT, date(2026, 1, 3))
    assert headline.port_outs_cumulative == 52_661
    assert headline.port_outs_day == 21_027
    (skt,) = (entry for entry in headline.destinations if entry.group == "SKT")
    assert skt.port_outs_day == 13_616
    assert skt.port_outs_cumulative == 32_336
    assert headline.top_destination == "SKT"
    assert headline.top_share_all_pct == pytest.approx(61.4, abs=0.05)
    assert headline.top_share_mno_pct == pytest.approx(71.4, abs=0.05)


def test_the_fourteen_days_come_out_as_published(published_world: World) -> None:
    headline = read_headline(published_world.settings, INCIDENT, date(2026, 1, 13))
    assert headline.port_outs_cumulative == 312_902
    by_group = {entry.group: entry.port_outs_cumulative for entry in headline.destinations}
    assert by_group == {"SKT": 201_562, "LGU": 70_130, "MVNO": 41_210}
    assert headline.net_adds_cumulative == -238_062


def test_every_day_of_the_waiver_and_its_destinations_come_out_as_published(published_world: World) -> None:
    facts = Path(__file__).parents[1] / "facts" / "kt_waiver_daily.csv"
    with facts.open(encoding="utf-8") as file:
        expected = {
            (row["processed_on"], group): int(row[column])
            for row in csv.DictReader(file)
            for group, column in (("SKT", "to_skt"), ("LGU", "to_lgu"), ("MVNO", "to_mvno"))
            if int(row[column])
        }
    found = published_world.query(
        "select processed_on::varchar, recipient_group, sum(ports)::integer from churn.port_flow_daily "
        "where donor_group = 'KT' and processed_on between '2025-12-31' and '2026-01-13' group by all"
    )
    assert {(day, group): ports for day, group, ports in found} == expected


def test_the_extracts_were_dirty_and_no_row_was_lost(published_world: World) -> None:
    receipts = read_receipts(published_world.settings.raw_dir)
    assert sum(receipt.rows_quarantined for receipt in receipts) > 0
    assert sum(receipt.rows_duplicate for receipt in receipts) > 0
    for receipt in receipts:
        assert receipt.rows_read == receipt.rows_accepted + receipt.rows_quarantined + receipt.rows_duplicate


def test_rows_and_amounts_are_followed_from_landing_to_the_facts(published_world: World) -> None:
    stages = published_world.query(
        "select feed, stage, sum(rows_in), sum(rows_out), sum(rows_unexplained), sum(amount_in), sum(amount_out) "
        "from ops.reconciliation group by all"
    )
    found = {(feed, stage): totals for feed, stage, *totals in stages}
    assert {stage for _, stage in found} == {"landing to raw", "raw to facts"}
    assert {feed for feed, stage in found if stage == "raw to facts"} == {
        "payments", "portability_events", "subscriptions"
    }  # fmt: skip
    assert not [key for key, (_, _, unexplained, _, _) in found.items() if unexplained]
    for feed, stage in found:
        if stage == "raw to facts":  # what one stage puts out, the next one takes in
            assert found[feed, "landing to raw"][1] == found[feed, stage][0]
    _, _, _, won_read, won_accepted = found["payments", "landing to raw"]
    _, _, _, won_delivered, won_in_facts = found["payments", "raw to facts"]
    assert won_read > won_accepted == won_delivered > won_in_facts  # type: ignore[operator]
    ((won,),) = published_world.query("select sum(amount) from fraud.fct_payment", "cases.duckdb")
    assert won == won_in_facts


def test_a_run_over_dirty_extracts_publishes_everything(published_world: World) -> None:
    assert published_world.report is not None
    assert published_world.report.exit_code is Exit.PUBLISHED, published_world.report
    assert published_world.report.publication is not None
    assert published_world.report.publication.held_back == {}


def test_the_open_file_holds_no_pseudonym_and_the_restricted_one_is_not_for_everybody(published_world: World) -> None:
    columns = published_world.query("select column_name from duckdb_columns() where not internal")
    assert not {name for (name,) in columns} & {"line_key", "number_key"}
    cases = published_world.settings.serving_dir / "current" / "cases.duckdb"
    assert cases.stat().st_mode & 0o007 == 0
    assert published_world.query("select count(*) from churn.fct_port", "cases.duckdb")[0][0] > 300_000  # type: ignore[operator]


def test_the_publication_says_what_it_is_in_the_file_itself(published_world: World) -> None:
    rows = published_world.query("select relation, rows, data_through from ops.publication where door = 'open'")
    through = {relation: (count, day) for relation, count, day in rows}
    assert through["churn.incident_headline"][1] == LAST
    ((count,),) = published_world.query("select count(*) from churn.incident_headline")
    assert through["churn.incident_headline"][0] == count


def test_each_query_that_the_documentation_shows_for_a_published_file_runs_there(published_world: World) -> None:
    page = (PROJECT / "docs" / "bi.md").read_text("utf-8")
    queries = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    assert len(queries) == 7
    for query in queries:
        is_restricted = re.search(r"fraud\.(victim|case)\b", query)
        published_world.query(query, "cases.duckdb" if is_restricted else "marts.duckdb")


def test_the_published_file_says_what_each_of_its_columns_means(published_world: World) -> None:
    missing = """
        select schema_name || '.' || table_name, column_name from duckdb_columns()
        where not internal and column_name <> 'is_suppressed'
        except select relation, column_name from ops.columns where description <> '' and doors like '%{}%'
    """
    assert published_world.query(missing.format("open")) == []
    ((told,),) = published_world.query("select count(distinct relation) from ops.columns where doors = 'restricted'")
    assert told > 5  # type: ignore[operator]


def test_a_second_run_finds_nothing_to_do(published_world: World) -> None:
    before = current_dir(published_world.settings)
    report = published_world.run()
    assert report.was_up_to_date
    assert report.exit_code is Exit.PUBLISHED
    assert current_dir(published_world.settings) == before


def test_dagster_shows_as_made_only_the_partitions_that_arrived(published_world: World) -> None:
    missing = {(feed.feed, day.isoformat()) for feed in _feeds(published_world) for day in feed.missing}
    home = prepare_dagster_home(published_world.settings)
    with dg.DagsterInstance.from_config(os.fspath(home)) as instance:
        for feed in ("payments", "portability_events"):
            made = instance.get_materialized_partitions(dg.AssetKey(["raw", feed]))
            days = {receipt.dt.isoformat() for receipt in read_receipts(published_world.settings.raw_dir, feed)}
            assert made == days
            assert not {day for name, day in missing if name == feed} & made
        assert instance.get_latest_materialization_event(dg.AssetKey(["churn", "incident_headline"]))
        # of a feed that the site has not got, nothing is missing
        (absent,) = [feed.feed for feed in _feeds(published_world) if feed.is_absent]
        assert len(instance.get_materialized_partitions(dg.AssetKey(["raw", absent]))) == (LAST - FIRST).days + 1


def _feeds(world: World) -> list:  # type: ignore[type-arg]
    return read_status(world.settings, world.feeds).feeds


def test_a_delivery_without_a_required_column_holds_back_its_marts_and_no_others(
    published_world: World, copy_of: Callable[[World], World]
) -> None:
    world = copy_of(published_world)
    day = world.settings.landing_dir / "payments" / f"dt={LAST}"
    (file,) = day.glob("*.csv*")
    text = file.read_text("utf-8-sig")
    file.write_text(text.replace("merchant_id", "shop", 1), "utf-8")
    (day / "_manifest.json").unlink(missing_ok=True)
    _correct_a_port(world)
    before = world.query("select * from fraud.fraud_daily order by all")
    as_published_then = read_headline(world.settings, INCIDENT)

    report = world.run()

    assert report.exit_code is Exit.HELD_BACK
    assert report.publication is not None
    held = report.publication.held_back
    assert held["fraud.fraud_daily"] == ["payments"]
    # what says who was exposed, or a victim; the exodus goes on without payments
    assert {relation for relation in held if relation.startswith("churn.")} == {
        "churn.call_list", "churn.departure_profile", "churn.line_propensity", "churn.propensity_calibration",
        "churn.propensity_quality",
    }  # fmt: skip
    (payments,) = (feed for feed in _feeds(world) if feed.feed == "payments")
    (refusal,) = payments.refused.values()
    assert file.name in refusal
    assert "merchant_id" in refusal
    assert "sourceHeader: ['shop']" in refusal
    assert world.query("select * from fraud.fraud_daily order by all") == before
    ((outs,),) = world.query(
        "select port_outs_cumulative from churn.incident_headline "
        f"where incident_id = '{INCIDENT}' and as_of_date = '2026-01-13'"
    )
    assert outs == 312_901
    yesterday = date.today() - timedelta(days=1)
    assert read_headline(world.settings, INCIDENT, known_on=yesterday) == as_published_then

    kept = publications(world.settings)
    assert rollback(world.settings).generation == kept[-2].generation
    assert read_headline(world.settings, INCIDENT).port_outs_cumulative == 312_902


def _correct_a_port(world: World) -> None:
    """The clearing house delivers a waiver day again, without one port that it had completed by mistake."""
    day = world.settings.landing_dir / "portability_events" / "dt=2026-01-08"
    (file,) = day.glob("*.csv*")
    lines = file.read_text("utf-8-sig").splitlines(keepends=True)
    header = [name.strip() for name in lines[0].split(",")]
    status, donor = header.index("status"), header.index("donor_provider")
    ports: dict[str, list[str]] = {}
    for line in lines[1:]:
        ports.setdefault(line.split(",")[0], []).append(line)
    gone = next(
        port
        for port, events in ports.items()
        if any(
            len(cells := event.split(",")) == len(header)
            and cells[status] == "COMPLETED"
            and cells[donor] == "KT"
            and cells[header.index("recipient_provider")] == "SKT"
            for event in events
        )
        and any("REQUESTED" in event for event in events)
    )
    file.write_text(lines[0] + "".join(line for line in lines[1:] if line.split(",")[0] != gone), "utf-8")
    (day / "_manifest.json").unlink(missing_ok=True)


def test_a_score_explains_itself_from_what_is_published(published_world: World) -> None:
    [(payment, score)] = published_world.query(
        "select payment_id, sum(points) as score from fraud.rule_hit group by all order by score desc, payment_id "
        "limit 1",
        "cases.duckdb",
    )
    explained = explain(published_world.settings, str(payment))
    assert explained.score == sum(hit.points for hit in explained.hits) == score
    assert all(explained.occurred_at.date() <= hit.known_dt for hit in explained.hits)
    with pytest.raises(ExplainError, match="no payment 'T0'"):
        explain(published_world.settings, "T0")


def test_a_headline_of_a_day_that_no_incident_has_is_refused(published_world: World) -> None:
    for day in (date(2031, 1, 1), date(2025, 12, 30)):
        with pytest.raises(HeadlineError, match=f"no headline as of {day}. There are: {INCIDENT} from 2025-12-31"):
            read_headline(published_world.settings, as_of=day)


def test_the_operators_only_sum_stands_beside_the_total(published_world: World) -> None:
    headline = read_headline(published_world.settings)
    to_mvno = sum(entry.port_outs_cumulative for entry in headline.destinations if not entry.is_mno)
    assert headline.to_operators_cumulative == headline.port_outs_cumulative - to_mvno < headline.port_outs_cumulative


def test_status_is_readable_by_a_program(published_world: World) -> None:
    status = json.loads(read_status(published_world.settings, published_world.feeds).model_dump_json())
    assert {feed["feed"] for feed in status["feeds"]} == set(published_world.feeds)
    assert status["closed_gates"] == []
    assert status["publication"]["data_through"] == LAST.isoformat()


def test_rows_that_a_model_got_wrong_are_listed_from_the_warehouse(published_world: World) -> None:
    settings = published_world.settings
    with pytest.raises(UnknownNameError, match="'staging/nowhere'"):
        read_failures(settings, published_world.feeds, "staging/nowhere", 5)
    for relation in ("int_port_latest", "int_subscription_interval"):
        for failure in read_failures(settings, published_world.feeds, f"staging/{relation}", 3):
            assert len(failure.rows) == min(3, failure.said.failed)


def test_nothing_runs_without_a_pseudonym_key(new_world: Callable[..., World]) -> None:
    world = new_world()
    world.settings = world.settings.model_copy(update={"pseudonym_key": None})
    with pytest.raises(RuntimeError, match="No pseudonym key"):
        world.run()
    assert not world.settings.raw_dir.exists()


def test_a_range_for_which_nothing_can_have_been_delivered_is_refused(published_world: World) -> None:
    with pytest.raises(Refusal, match="Nothing was delivered from 2019-01-01 to 2019-01-02"):
        published_world.run(date(2019, 1, 1), date(2019, 1, 2))
    with pytest.raises(Refusal, match="2999-01-01 has not begun"):
        published_world.run(date(2999, 1, 1), date(2999, 1, 1))
    beginning_late = World(published_world.settings.model_copy(update={"first_day": LAST}))
    with pytest.raises(Refusal, match="RINGFENCE_FIRST_DAY"):
        beginning_late.run(FIRST, LAST)
