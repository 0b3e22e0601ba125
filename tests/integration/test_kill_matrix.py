"""The kill matrix: each planted fault is caught by the gate that is meant to catch it, and nothing else is a fault.

`docs/kill-matrix.md` is written from the same lists: `PYTHONPATH=. python tests/integration/test_kill_matrix.py`.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from orchestration.base.settings import PROJECT, Settings
from orchestration.base.sql import connect
from orchestration.contracts import load_feeds
from orchestration.gates import verdicts
from orchestration.gates.gate import check_relation
from orchestration.gates.outcome import Outcome, is_closed
from orchestration.gates.suites import load_suite, load_suites
from orchestration.ingest.ingest import ingest
from orchestration.ingest.profile import create_delivery_profile
from orchestration.ingest.receipt import newest, read_receipts, revision_dir
from tests.support.delivery_faults import DAY, DELIVERED, DELIVERY_FAULTS, EARLIER, EXODUS, DeliveryFault, deliver
from tests.support.warehouse_faults import WAREHOUSE_FAULTS, WarehouseFault, build_world
from tests.support.world import KEY, World

RAW_SUITES = load_suites("raw")
SUITES = {suite.relation: suite for stage in ("staging", "marts") for suite in load_suites(stage).values()}
DOCUMENT = PROJECT / "docs" / "kill-matrix.md"


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Four ordinary Tuesdays of every feed, ingested; the fifth one lies in landing."""
    home = tmp_path_factory.mktemp("deliveries")
    settings = Settings(home=home, pseudonym_key=KEY)
    for feed in DELIVERED:
        for day in [*EARLIER, DAY]:
            deliver(settings.landing_dir, feed, day)
        ingest(settings, load_feeds(settings)[feed], EARLIER)
    return settings


def _judge_delivery(settings: Settings, feed: str) -> list[Outcome]:
    """What the raw gate says after the ingest of whatever landing holds for `DAY`."""
    contract = load_feeds(settings)[feed]
    ingest(settings, contract, [DAY, EXODUS])
    with connect(settings) as con:
        receipts = newest(read_receipts(settings.raw_dir, feed))
        profile = create_delivery_profile(con, settings, contract, receipts)
        return check_relation(con, RAW_SUITES[feed], relation=profile)


@pytest.fixture
def copy_of_delivered(delivered: Settings, tmp_path: Path) -> Settings:
    shutil.copytree(delivered.home, tmp_path / "home")
    return Settings(home=tmp_path / "home", pseudonym_key=KEY)


@pytest.mark.parametrize("feed", DELIVERED)
def test_no_raw_gate_fires_on_ordinary_deliveries(copy_of_delivered: Settings, feed: str) -> None:
    outcomes = _judge_delivery(copy_of_delivered, feed)
    assert _failed(outcomes) == set(), [outcome.example for outcome in outcomes]


def test_no_raw_gate_fires_on_an_exodus_five_times_an_ordinary_day(copy_of_delivered: Settings) -> None:
    deliver(copy_of_delivered.landing_dir, "portability_events", EXODUS, share=5)
    outcomes = _judge_delivery(copy_of_delivered, "portability_events")
    assert _failed(outcomes) == set()
    assert {receipt.dt for receipt in read_receipts(copy_of_delivered.raw_dir)} >= {EXODUS}


@pytest.mark.parametrize("fault", DELIVERY_FAULTS, ids=lambda fault: fault.story)
def test_a_fault_in_a_delivery_is_caught_by_its_gate(copy_of_delivered: Settings, fault: DeliveryFault) -> None:
    if fault.is_in_raw:
        ingest(copy_of_delivered, load_feeds(copy_of_delivered)[fault.relation], [DAY])
        fault.plant(revision_dir(copy_of_delivered.raw_dir, fault.relation, DAY, 1))
    else:
        fault.plant(copy_of_delivered.landing_dir / fault.relation / f"dt={DAY}")
    outcomes = [outcome for outcome in _judge_delivery(copy_of_delivered, fault.relation) if not outcome.passed]
    (caught,) = (outcome for outcome in outcomes if outcome.expectation_id == fault.expectation)
    assert caught.partition == str(DAY)
    assert is_closed([caught]) == fault.closes


#: Nothing is foretold before a month is over that could be learnt from, and nothing looked at by chance as shipped.
EMPTY = {
    "audit_quality", "call_list", "challenger_quality", "line_propensity", "propensity_calibration",
    "propensity_quality",
}  # fmt: skip


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    with build_world(tmp_path_factory.mktemp("gates")) as con:
        yield con


@pytest.fixture(scope="module")
def schemas(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    rows = con.execute("select table_name, table_schema from information_schema.tables").fetchall()
    return dict(rows)


def _judge(con: duckdb.DuckDBPyConnection, schemas: dict[str, str], relation: str) -> list[Outcome]:
    return check_relation(con, SUITES[relation], relation=f"{schemas[relation]}.{relation}")


def _failed(outcomes: list[Outcome]) -> set[str]:
    return {outcome.expectation_id for outcome in outcomes if not outcome.passed}


@pytest.mark.parametrize("relation", SUITES)
def test_no_gate_fires_on_the_clean_world(
    con: duckdb.DuckDBPyConnection, schemas: dict[str, str], relation: str
) -> None:
    outcomes = _judge(con, schemas, relation)
    assert _failed(outcomes) == set()
    assert all(outcome.evaluated for outcome in outcomes) or relation in EMPTY


@pytest.mark.parametrize("fault", WAREHOUSE_FAULTS, ids=lambda fault: fault.story)
def test_a_fault_in_the_warehouse_is_caught_by_its_gate(
    con: duckdb.DuckDBPyConnection, schemas: dict[str, str], fault: WarehouseFault
) -> None:
    for here in (fault.one, "true"):
        if here is None:
            continue
        con.execute("begin")
        try:
            con.execute(fault.sql.format(here=here))
            outcomes = _judge(con, schemas, fault.relation)
        finally:
            con.execute("rollback")
        caught = [outcome for outcome in outcomes if outcome.expectation_id == fault.expectation]
        assert caught
        assert not any(outcome.passed for outcome in caught)
        assert caught[0].example
        if fault.one is not None:
            assert is_closed(caught) == (here == "true")


def test_no_gate_is_closed_in_the_published_world_with_its_exodus_and_its_dirt(published_world: World) -> None:
    judged = verdicts.latest(published_world.settings)
    assert {verdict.stage for verdict in judged} == {"raw", "staging", "marts"}
    assert [(verdict.relation, verdict.reason) for verdict in judged if verdict.is_closed] == []


def test_every_expectation_of_a_delivery_has_a_fault_that_proves_it() -> None:
    """What holds for every feed is proven with one of them; what a feed's own file says, with that feed."""
    proven = {(fault.relation, fault.expectation) for fault in DELIVERY_FAULTS}
    for_all = {expectation.id for expectation in load_suite("raw", "_default").expectations}
    of_feeds = {(suite.relation, expectation.id) for suite in RAW_SUITES.values() for expectation in suite.expectations}
    assert {entry for entry in of_feeds if entry[1] not in for_all} == {
        entry for entry in proven if entry[1] not in for_all
    }
    assert {expectation for _, expectation in proven} >= for_all


def test_every_expectation_behind_a_model_has_a_fault_that_proves_it() -> None:
    proven = {(fault.relation, fault.expectation) for fault in WAREHOUSE_FAULTS}
    in_one_place = {(fault.relation, fault.expectation) for fault in WAREHOUSE_FAULTS if fault.one is not None}
    written = {(suite.relation, expectation.id) for suite in SUITES.values() for expectation in suite.expectations}
    assert proven == written
    assert in_one_place == {
        (suite.relation, expectation.id)
        for suite in SUITES.values()
        for expectation in suite.expectations
        if expectation.critical_above_pct is not None
    }


def test_the_table_in_the_documentation_is_this_one() -> None:
    assert DOCUMENT.read_text("utf-8") == document()


def document() -> str:
    """`docs/kill-matrix.md`."""
    entries = [
        (fault.story, f"raw/{fault.relation}", fault.expectation, "closes" if fault.closes else "warns")
        for fault in DELIVERY_FAULTS
    ]
    entries += [
        (
            fault.story,
            f"{SUITES[fault.relation].stage}/{fault.relation}",
            fault.expectation,
            _effect(fault),
        )
        for fault in WAREHOUSE_FAULTS
    ]
    lines = [
        f"| {number} | {story} | `{gate}` | `{expectation}` | {effect} |"
        for number, (story, gate, expectation, effect) in enumerate(entries, 1)
    ]
    return _HEAD + "\n".join(lines) + "\n"


def _effect(fault: WarehouseFault) -> str:
    (expectation,) = (entry for entry in SUITES[fault.relation].expectations if entry.id == fault.expectation)
    if expectation.critical_above_pct is not None:
        return f"warns; closes above {expectation.critical_above_pct:g} % of the rows"
    return "closes" if expectation.severity == "critical" else "warns"


_HEAD = """# Kill matrix

What has been planted, and the gate that was seen to catch it. Written from the lists that
`tests/integration/test_kill_matrix.py` plants, by `PYTHONPATH=. python tests/integration/test_kill_matrix.py`; the
same test shows that no gate fires on ordinary deliveries, on a clean warehouse, or on five times the ordinary ports of
a day within a fee waiver, and that none is closed in the published world with its exodus and its dirt. Faults in
deliveries are files that are ingested; faults in the warehouse are changes of what dbt built.

| | planted fault | gate | expectation | effect |
|--:|---|---|---|---|
"""

if __name__ == "__main__":
    DOCUMENT.write_text(document(), "utf-8")
