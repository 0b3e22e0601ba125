"""Where Spark holds the rows, a suite is judged by size: by DuckDB over the views, or by whoever has reached Spark.

What Great Expectations finds on Spark is `tests/spark/test_gates_on_spark.py`; here DuckDB answers in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.base.settings import Settings
from orchestration.base.sql import one_number
from orchestration.gates.engine import validate
from orchestration.gates.gate import CAN_BE_JUDGED, check_relation
from orchestration.gates.suites import Expectation, Severity, Suite
from orchestration.warehouse import spark_gates
from orchestration.warehouse.engines import engine_of
from orchestration.warehouse.spark import prepare
from orchestration.warehouse.spark_gates import SparkGates, ask_by_file
from tests.support.world import KEY

POSITIVE = Expectation(
    "positive", "expect_column_values_to_be_between", {"column": "n", "min_value": 1}, Severity.CRITICAL, "They are."
)
OWN_SQL = Expectation(
    "few", "unexpected_rows_expectation",
    {"unexpected_rows_query": "select p.* from {batch} as p anti join churn.others as o on p.n = o.n"},
    Severity.WARNING, "They are among the others.",
)  # fmt: skip
SUITE = Suite("marts", "ports", (POSITIVE, OWN_SQL), partition_by="dt")
FOLDERS = ("churn.ports", "churn.others")
MANIFEST = {
    "nodes": {
        f"model.{name}": {
            "schema": "churn", "name": name, "resource_type": "model", "depends_on": {"nodes": reads},
        }
        for name, reads in {
            "ports": ["source.sightings"], "others": ["source.sightings"], "fresh": ["source.sightings"],
            "seen": ["model.ports", "source.others", "macro.any"],
        }.items()
    },
    "sources": {
        f"source.{name}": {"schema": schema, "identifier": name}
        for name, schema in {"sightings": "raw", "others": "churn"}.items()
    },
}  # fmt: skip


@dataclass
class InSparksPlace:
    """Answers as `spark_judged.judge` does, and refuses what it is told to."""

    con: duckdb.DuckDBPyConnection
    refused: Mapping[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def __call__(self, request: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
        self.asked.append(request["relation"])
        kept = [one for one in request["expectations"] if one["id"] not in self.refused]
        results = validate(self.con, request["relation"], kept)
        failed = {one.expectation_id: self._rows(one.failing_rows_sql, folder / f"{one.expectation_id}.parquet")
                  for one in results if not one.passed}  # fmt: skip
        bare = [{**asdict(one), "failing_rows_sql": None, "evaluated_rows_sql": None} for one in results]
        return {"refused": dict(self.refused), "results": bare, "failed": failed}

    def _rows(self, sql: str | None, path: Path) -> dict[str, Any]:
        self.con.execute(
            f"copy (select dt::varchar as partition_of_the_row, dt as c0, n as c1, key::varchar as c2 "
            f"from ({sql}) qualify row_number() over (partition by dt order by n) <= 5) to '{path}' (format parquet)"
        )
        counted = "select dt::varchar, count(*) from {} group by all order by all"
        failed, evaluated = (self.con.execute(counted.format(rows)).fetchall() for rows in (f"({sql})", "churn.ports"))
        return {"failed": failed, "evaluated": evaluated}


@pytest.fixture
def con(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        prepare(con)
        con.execute("create schema churn")
        for relation, first in zip(FOLDERS, (-1, 1), strict=True):
            folder = _settings(tmp_path).spark_dir / "tables" / "one" / relation
            folder.mkdir(parents=True)
            con.execute(
                "copy (select date '2026-01-01' + (n % 3)::integer as dt, n, md5(n::varchar)::uuid::varchar as key "
                f"from range({first}, 50) as t(n)) to '{folder / 'part.parquet'}' (format parquet)"
            )
            con.execute(
                f"create view {relation} as select dt, n, key::uuid as key from read_parquet('{folder}/*.parquet')"
            )
            con.execute("insert into pipeline.held_by_spark values ($1, $2, null, 1)", [relation, str(folder)])
        con.execute("insert into pipeline.held_by_spark values ('churn.seen', null, 'select 1', 3)")
        yield con


def _settings(folder: Path, **more: Any) -> Settings:
    return Settings(home=folder / "home", pseudonym_key=KEY, engine="spark", **more)


def _gates(
    con: duckdb.DuckDBPyConnection, settings: Settings, ask: Any = None, say: Callable[[str], None] = print
) -> SparkGates:
    return SparkGates(con, settings, MANIFEST, ask or InSparksPlace(con), say)


def test_what_a_suite_looks_at_is_its_relation_and_what_its_queries_name(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    settings = _settings(tmp_path)
    sizes = [one_number(con, f"select sum(size) from read_blob('{settings.spark_dir}/tables/one/{relation}/*')")
             for relation in FOLDERS]  # fmt: skip
    gates = _gates(con, settings)
    alone = Suite("marts", "ports", (POSITIVE,))
    assert [gates.bytes_looked_at(alone, relation) for relation in FOLDERS] == sizes
    assert gates.bytes_looked_at(SUITE, "churn.ports") == sum(sizes)
    assert gates.bytes_looked_at(alone, "churn.seen") == sum(sizes), "a view is what it reads"
    delivery = settings.raw_dir / "sightings" / "dt=2026-01-01" / "rev=1"
    delivery.mkdir(parents=True)
    (delivery / "rows.parquet").write_bytes(b"1234567")
    assert gates.bytes_looked_at(alone, "churn.fresh") == 7


def test_a_small_relation_is_judged_by_duckdb(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    ask = InSparksPlace(con)
    outcomes = _gates(con, _settings(tmp_path), ask)(SUITE, "churn.ports", None)
    assert outcomes == check_relation(con, SUITE, relation="churn.ports")
    assert ask.asked == []


@pytest.mark.parametrize("refused", [{}, {"few": "it has no words for it"}], ids=["all", "what it takes"])
def test_a_large_one_is_judged_by_spark_with_the_same_outcomes(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, refused: Mapping[str, str]
) -> None:
    ask, said = InSparksPlace(con, refused), list[str]()
    settings = _settings(tmp_path, spark_gates_above="0 B")
    outcomes = _gates(con, settings, ask, said.append)(SUITE, "churn.ports", None)
    assert ask.asked == ["churn.ports"]
    assert outcomes == check_relation(con, SUITE, relation="churn.ports")
    failed = {(one.expectation_id, one.partition, one.failed) for one in outcomes}
    assert failed == {(one, day, 1) for one in ("positive", "few") for day in ("2025-12-31", "2026-01-01")}
    assert outcomes[0].example[0]["key"] == "***"
    assert said[0].startswith("Spark judges churn.ports")
    assert said[1:] == [
        f"DuckDB judges {one} of marts.ports, which Spark does not take: {why}" for one, why in refused.items()
    ]
    assert not [*settings.spark_dir.glob("gates/*")], "what was found lies in the verdict alone"


def test_a_gate_whose_spark_does_not_answer_stays_closed_and_says_why(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    def run(command: Sequence[str]) -> None:
        raise RuntimeError("dbt judge failed:\nSpark is not there")

    settings = _settings(tmp_path, spark_gates_above="0 B")
    (outcome,) = _gates(con, settings, ask_by_file(run, lambda: None))(SUITE, "churn.ports", None)
    assert (outcome.expectation_id, outcome.observed) == (CAN_BE_JUDGED, "Spark is not there")
    assert outcome.is_closing


def test_too_little_memory_for_the_rows_that_spark_has_found_closes_no_gate(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def masked(*_: object) -> None:
        raise duckdb.OutOfMemoryException("Out of Memory Error: could not allocate block")

    monkeypatch.setattr(spark_gates, "masked_rows", masked)
    with pytest.raises(duckdb.OutOfMemoryException):
        _gates(con, _settings(tmp_path, spark_gates_above="0 B"))(SUITE, "churn.ports", None)


def test_over_thrift_duckdb_judges_whatever_the_size_and_says_so(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    def run(command: Sequence[str]) -> None:
        raise RuntimeError("'session'")

    said = list[str]()
    settings = _settings(tmp_path, spark="thrift://gate:10000", spark_gates_above="0 B")
    outcomes = engine_of(settings).gates(con, MANIFEST, run, said.append)(SUITE, "churn.ports", None)
    assert outcomes == check_relation(con, SUITE, relation="churn.ports")
    assert said == ["Over Thrift, DuckDB judges churn.ports: its gate looks at 0.0 GB"]


def test_spark_is_shown_the_tables_once(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    shown, asked = list[str](), list[str]()

    def run(command: Sequence[str]) -> None:
        asked.append(Path(command[1]).read_text("utf-8").split('"show": ')[1])
        Path(command[1]).with_name("answer.json").write_text("{}", "utf-8")

    ask = ask_by_file(run, lambda: shown.append("tables"))
    for _ in range(2):
        ask({"relation": "churn.ports"}, tmp_path)
    assert (shown, asked) == (["tables"], ["true}", "false}"])
