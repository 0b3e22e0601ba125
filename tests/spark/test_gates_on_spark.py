"""The kill matrix on both engines: what DuckDB finds in a relation, Great Expectations on Spark finds as well.

One world is built by DuckDB, and shown to Spark as Parquet. Each fault is planted in DuckDB, and what the suite looks
at is written again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pydantic import ByteSize

from orchestration.base.settings import Settings, home_dir
from orchestration.base.sql import columns_of, connect, one_number
from orchestration.contracts import load_feeds
from orchestration.gates.engine import validate
from orchestration.gates.gate import check_by, check_relation
from orchestration.gates.outcome import Outcome
from orchestration.gates.shown_rows import MAX_EXAMPLES
from orchestration.gates.suites import load_suites
from orchestration.warehouse import dbt, dbt_session
from orchestration.warehouse.engines import engine_of
from orchestration.warehouse.raw_relations import refresh_raw
from orchestration.warehouse.records import prepare
from orchestration.warehouse.spark import prepare as prepare_held
from orchestration.warehouse.spark_gates import OnSpark
from orchestration.warehouse.spark_raw import spark_type
from tests.support.expectation_cases import CASES, Case, make_worlds
from tests.support.warehouse_faults import WAREHOUSE_FAULTS, WarehouseFault, build_world
from tests.support.world import KEY

pytest.importorskip("pyspark", reason="pyspark is not installed: make test-spark")
pytestmark = pytest.mark.timeout(1800)

SUITES = {suite.relation: suite for stage in ("staging", "marts") for suite in load_suites(stage).values()}
#: What Spark has no words for.
STAYS_WITH_DUCKDB = {
    "incident_amount": ["covered_sums_are_the_marts"],  # two lists unnested side by side
    "port_coverage_daily": ["lines_still_found"],  # a median of the days before
}

Compare = Callable[[str], tuple[list[Outcome], list[Outcome], list[str]]]


class Copies:
    """Relations of DuckDB's, as tables of Spark's over Parquet files that are written again."""

    def __init__(self, con: duckdb.DuckDBPyConnection, session: Any, folder: Path) -> None:
        self._con, self._session, self._folder = con, session, folder
        rows = con.execute("select table_schema || '.' || table_name from information_schema.tables").fetchall()
        self.relations = {relation.partition(".")[2]: relation for (relation,) in rows}
        self._columns: dict[str, dict[str, str]] = {}

    def write(self, relation: str) -> None:
        if relation not in self._columns:
            self._make(relation)
        _write(self._con, relation, self._columns[relation], self._folder / relation)
        self._session.catalog.refreshTable(relation)

    def _make(self, relation: str) -> None:
        self._columns[relation] = columns_of(self._con, relation)
        (self._folder / relation).mkdir()
        columns = ", ".join(f"`{name}` {spark_type(type_)}" for name, type_ in self._columns[relation].items())
        self._session.sql(f"create schema if not exists {relation.partition('.')[0]}")
        self._session.sql(f"create table {relation} ({columns}) using parquet location '{self._folder / relation}'")


def _write(con: duckdb.DuckDBPyConnection, relation: str, types: Mapping[str, str], folder: Path) -> None:
    """Write a relation's rows as Spark would have stored them."""
    stored = {"UUID": "varchar", "HUGEINT": "decimal(38, 0)"}
    values = ", ".join(f'cast("{name}" as {stored.get(type_, type_)}) as "{name}"' for name, type_ in types.items())
    con.execute(f"copy (select {values} from {relation}) to '{folder / 'rows.parquet'}' (format parquet)")


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory, session: Any) -> Iterator[duckdb.DuckDBPyConnection]:
    with build_world(tmp_path_factory.mktemp("gates")) as con:
        yield con


@pytest.fixture(scope="module")
def compare(con: duckdb.DuckDBPyConnection, session: Any, tmp_path_factory: pytest.TempPathFactory) -> Compare:
    """Judges a relation by its suite on both engines; also tells what Spark has left to DuckDB."""
    from orchestration.warehouse.spark_judged import judge

    copies = Copies(con, session, tmp_path_factory.mktemp("copies"))
    examples = tmp_path_factory.mktemp("examples")

    def ask(request: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = json.loads(json.dumps(judge(session, request, folder)))
        return answer

    def compared(name: str) -> tuple[list[Outcome], list[Outcome], list[str]]:
        suite, relation = SUITES[name], copies.relations[name]
        for read in copies.relations.values():
            if read == relation or suite.names(read):
                copies.write(read)
        said: list[str] = []
        on_duckdb = check_relation(con, suite, relation=relation)
        on_spark = check_by(OnSpark(con, suite, examples, ask, said.append), suite, relation=relation)
        return on_duckdb, on_spark, said

    return compared


def _plain(outcome: Outcome) -> dict[str, Any]:
    """Of more failing rows than are shown, each engine shows others."""
    shown = asdict(outcome)
    example = shown.pop("example")
    if outcome.failed is not None and outcome.failed <= MAX_EXAMPLES:
        shown["example"] = sorted(map(_rounded, example))
    else:
        shown["example"] = [sorted(row) for row in example]
    return shown


def _rounded(value: Any) -> str:
    """A JSON value as a text, numbers to nine digits, whole or not."""

    def number(said: str) -> float:
        return float(f"{float(said):.9g}")

    return repr(json.loads(json.dumps(value), parse_float=number, parse_int=number))


def _failed(outcomes: list[Outcome]) -> set[str]:
    return {outcome.expectation_id for outcome in outcomes if not outcome.passed}


@pytest.mark.parametrize("relation", SUITES)
def test_no_gate_fires_on_the_clean_world_on_either_engine(relation: str, compare: Compare) -> None:
    on_duckdb, on_spark, said = compare(relation)
    assert [_plain(outcome) for outcome in on_spark] == [_plain(outcome) for outcome in on_duckdb]
    assert _failed(on_spark) == set()
    assert [text.split()[2] for text in said] == STAYS_WITH_DUCKDB.get(relation, [])


@pytest.mark.parametrize("fault", WAREHOUSE_FAULTS, ids=lambda fault: fault.story)
def test_a_fault_has_the_same_outcomes_on_both_engines(
    fault: WarehouseFault, con: duckdb.DuckDBPyConnection, compare: Compare
) -> None:
    for here in filter(None, (fault.one, "true")):
        con.execute("begin")
        try:
            con.execute(fault.sql.format(here=here))
            on_duckdb, on_spark, _ = compare(fault.relation)
        finally:
            con.execute("rollback")
        assert fault.expectation in _failed(on_spark)
        assert [_plain(outcome) for outcome in on_spark] == [_plain(outcome) for outcome in on_duckdb]


WORLDS = (("wh.clean", None), ("wh.dirty", None), ("wh.mixed", "clean"), ("wh.mixed", "dirty"))
Found = Mapping[str, tuple[Any, ...]]


@pytest.fixture(scope="module")
def found(session: Any, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Found, Found, Mapping[str, str]]]:
    """What DuckDB and Spark find in each world, by expectation, and what Spark leaves to DuckDB."""
    from orchestration.warehouse.spark_judged import judge

    folder = tmp_path_factory.mktemp("worlds")
    with duckdb.connect() as con:
        make_worlds(con)
        copies = Copies(con, session, folder)
        for relation in copies.relations.values():
            copies.write(relation)

        def rows(query: str) -> int:
            return one_number(con, f"select count(*) from ({query})")

        def compared(relation: str, part: str | None) -> tuple[Found, Found, Mapping[str, str]]:
            asked = [case.expectation(part) for case in CASES if part is None or case.takes_condition]
            request = {"relation": relation, "expectations": asked, "partition_by": None, "examples": 50}
            answer = judge(session, request, folder)
            on_duckdb = {
                one.expectation_id: (
                    one.passed, one.evaluated, one.failed, _rounded(one.observed),
                    one.failing_rows_sql and rows(one.failing_rows_sql),
                )
                for one in validate(con, relation, asked)
            }  # fmt: skip
            on_spark = {
                name: (
                    one["passed"], one["evaluated"], one["failed"], _rounded(one["observed"]),
                    rows(f"from read_parquet('{folder / name}.parquet')") if name in answer["failed"] else None,
                )
                for one in answer["results"]
                for name in [one["expectation_id"]]
            }  # fmt: skip
            return on_duckdb, on_spark, answer["refused"]

        return [compared(relation, part) for relation, part in WORLDS]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.type)
def test_an_expectation_finds_the_same_on_both_engines_or_stays_with_duckdb(
    case: Case, found: list[tuple[Found, Found, Mapping[str, str]]]
) -> None:
    from orchestration.warehouse.spark_judged import NOT_ON_SPARK

    for on_duckdb, on_spark, refused in found if case.takes_condition else found[:2]:
        assert refused.get(case.type) == NOT_ON_SPARK.get(case.type)
        if case.type not in NOT_ON_SPARK:
            assert on_spark[case.type] == on_duckdb[case.type]


def test_dbts_process_judges_what_it_holds(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """From the setting to the verdict: a session of its own, which knows what lies in the installation's folder."""
    settings = Settings(
        home=tmp_path / "home", pseudonym_key=KEY, engine="spark", spark="local[1]", memory_limit="1GB",
        spark_gates_above=ByteSize(0),
    )  # fmt: skip
    with connect(settings, str(home_dir(settings.home) / settings.warehouse.name)) as warehouse:
        refresh_raw(warehouse, settings, load_feeds(settings))
        prepare(warehouse)
        prepare_held(warehouse)
        con.execute("begin")
        con.execute("delete from churn.port_flow_daily where processed_on = '2026-01-03'")
        for relation in ("churn.port_flow_daily", "intermediate.int_port_latest"):
            _hold(con, warehouse, settings.spark_dir / "tables" / "one" / relation, relation)
        con.execute("rollback")
        said: list[str] = []
        check = engine_of(settings).gates(warehouse, dbt.manifest(settings), partial(dbt.do, settings), said.append)
        try:
            outcomes = check(SUITES["port_flow_daily"], "churn.port_flow_daily", None)
        finally:
            dbt_session.end()
        on_duckdb = check_relation(warehouse, SUITES["port_flow_daily"], relation="churn.port_flow_daily")
    assert [text.split(":")[0] for text in said] == ["Spark judges churn.port_flow_daily"]
    assert _failed(outcomes) == {"flows_are_the_facts"}
    assert [_plain(outcome) for outcome in outcomes] == [_plain(outcome) for outcome in on_duckdb]


def _hold(con: duckdb.DuckDBPyConnection, warehouse: duckdb.DuckDBPyConnection, folder: Path, relation: str) -> None:
    """Let the warehouse show a relation as Spark would have made it."""
    folder.mkdir(parents=True)
    types = columns_of(con, relation)
    _write(con, relation, types, folder)
    shown = ", ".join(f'cast("{name}" as {type_}) as "{name}"' for name, type_ in types.items())
    warehouse.execute(f"create schema if not exists {relation.partition('.')[0]}")
    warehouse.execute(f"create view {relation} as select {shown} from read_parquet('{folder}/*.parquet')")
    warehouse.execute("insert into pipeline.held_by_spark values ($1, $2, null, 1)", [relation, str(folder)])
