"""The engine of the models: chosen by one setting, refused where it cannot run, shown by the warehouse's views."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pydantic import ValidationError

from orchestration.base.settings import Settings
from orchestration.base.sql import columns_of, connect
from orchestration.privacy.pseudonyms import PseudonymKey
from orchestration.rights.erasure import forget
from orchestration.rights.rotation import rotate_key
from orchestration.rules.copied import BacktestError, copied
from orchestration.runtime.warehouse_lock import warehouse_lock
from orchestration.site.engine_needs import EngineNeedsError, check_engine
from orchestration.warehouse.engines import DuckDB, built_by, engine_of, take_over
from orchestration.warehouse.raw_relations import refresh_raw
from orchestration.warehouse.spark import STATE, STATEMENTS, Spark, java_memory, prepare
from orchestration.warehouse.spark_facade import BrokenContractError, show
from orchestration.warehouse.spark_progress import Progress
from orchestration.warehouse.spark_raw import raw_statements
from tests.support.feeds import FEEDS
from tests.support.privacy_world import ALICE, ALICES, keys
from tests.support.privacy_world import prepare as people
from tests.support.world import KEY


def _settings(folder: Path, **more: Any) -> Settings:
    (folder / "home").mkdir(exist_ok=True)
    return Settings(home=folder / "home", pseudonym_key=KEY, **more)


def test_duckdb_is_the_engine_where_nothing_is_said(tmp_path: Path) -> None:
    assert isinstance(engine_of(_settings(tmp_path)), DuckDB)
    assert check_engine(_settings(tmp_path)) == "duckdb"


def test_the_warehouse_of_another_engine_goes_and_it_is_said_once(tmp_path: Path) -> None:
    on_duckdb, on_spark = _settings(tmp_path), _settings(tmp_path, engine="spark")
    assert take_over(on_duckdb) is None
    on_duckdb.warehouse.write_bytes(b"rows")
    said = take_over(on_spark)
    assert said and "built by duckdb: spark builds everything anew" in said
    assert not on_duckdb.warehouse.exists()
    assert built_by(on_duckdb) == "spark"
    assert take_over(on_spark) is None
    (on_spark.spark_dir / "tables").mkdir(parents=True)
    on_spark.warehouse.write_bytes(b"views")
    assert take_over(on_duckdb)
    assert not on_spark.spark_dir.exists()


def test_a_thrift_server_is_asked_by_dbts_own_connection_and_needs_no_java_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr("orchestration.site.engine_needs.find_spec", lambda name: "there")
    settings = _settings(tmp_path, engine="spark", spark="thrift://etl@gate:10001")
    said = engine_of(settings).environment()
    assert {said[f"RINGFENCE_SPARK_{name}"] for name in ("METHOD", "HOST", "PORT", "USER")} == {
        "thrift", "gate", "10001", "etl"
    }  # fmt: skip
    assert check_engine(settings).startswith("spark, thrift://etl@gate:10001")


@pytest.mark.parametrize(
    ("said", "missing"),
    [
        ({"spark_format": "iceberg"}, "RINGFENCE_SPARK_FORMAT=iceberg is not done yet; write parquet"),
        ({}, "Java is missing"),
        ({}, "install the extra `spark`"),
    ],
)
def test_what_spark_needs_and_is_missing_is_said_beforehand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: dict[str, Any], missing: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr("orchestration.site.engine_needs.find_spec", lambda name: None)
    with pytest.raises(EngineNeedsError, match=missing):
        check_engine(_settings(tmp_path, engine="spark", **said))


def test_an_address_that_is_not_followed_is_refused_with_the_settings(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="spark"):
        _settings(tmp_path, engine="spark", spark="thrift-host:10000")


def test_what_spark_holds_stays_while_rules_are_tried_on_it(tmp_path: Path) -> None:
    settings = _settings(tmp_path, engine="spark")
    duckdb.connect(str(settings.warehouse)).close()
    with copied(settings) as apart:
        assert (apart.engine, apart.warehouse.exists()) == ("duckdb", True)
        with pytest.raises(BlockingIOError), warehouse_lock(settings, is_patient=False):
            pass
    with warehouse_lock(settings), pytest.raises(BacktestError, match="try again when the run has ended"):
        copied(settings).__enter__()
    assert not [*settings.scratch_dir.glob("backtest-*")]


@pytest.mark.parametrize(
    "ask",
    [
        lambda settings: forget(settings, "asked for", numbers=[ALICE[1]]),
        lambda settings: rotate_key(settings, PseudonymKey(b"another key, as long as it has to be"), "asked for"),
    ],
    ids=["forget", "rotate-key"],
)
def test_pseudonyms_that_change_take_sparks_tables_along_to_be_built_anew_from_raw(
    tmp_path: Path, ask: Callable[[Settings], object]
) -> None:
    settings = people(tmp_path / "home").model_copy(update={"engine": "spark"})
    take_over(settings)
    before = keys(settings)
    folder = settings.spark_dir / "tables" / "one" / "core.payment"
    folder.mkdir(parents=True)
    (folder / "part.parquet").write_bytes(b"rows with pseudonyms")
    with connect(settings, str(settings.warehouse)) as con:
        con.execute(f"create view payment as select '{folder}' as folder")
    ask(settings)
    after = keys(settings)
    assert {payment for payment in after if after[payment] != before[payment]} >= ALICES
    assert not settings.warehouse.exists()
    assert not settings.spark_dir.exists()
    assert built_by(settings) == "spark"


def test_spark_reads_the_files_of_raw_with_pseudonyms_spelled_as_duckdb_spells_them(tmp_path: Path) -> None:
    settings = _settings(tmp_path, engine="spark")
    (settings.raw_dir / "payments").mkdir(parents=True)
    with connect(settings) as con:
        refresh_raw(con, settings, FEEDS)
        said = [*raw_statements(con, settings, FEEDS, tmp_path)]
    (files,) = (one for one in said if one.startswith("create table raw.payments__files"))
    assert "`number_key` binary" in files
    assert "dt date, rev int) using parquet" in files
    (in_force,) = (one for one in said if one.startswith("create or replace view raw.payments as"))
    assert "regexp_replace(lower(hex(files.`number_key`))" in in_force
    assert in_force.endswith("files.rev = kept.rev and kept.is_current")
    (never_came,) = (one for one in said if one.startswith("create or replace view raw.invoices as"))
    assert never_came.endswith("where false")


def test_sparks_driver_takes_as_much_memory_as_the_models_may() -> None:
    assert [java_memory(limit) for limit in ("6GB", "1.5 GiB", "512MB")] == ["5722m", "1536m", "488m"]


_KEY = uuid.UUID(int=5)
_NODE = {
    "resource_type": "model", "name": "spoken", "package_name": "ringfence",
    "original_file_path": "spoken.sql", "schema": "fraud", "language": "sql", "tags": [],
    "config": {"materialized": "table"},
    "raw_code": "select cast(null as uuid) as number_key, date '2026-01-01' as dt, sum(1) as payments",
    "columns": {"number_key": {"constraints": [{"type": "not_null"}]}},
}  # fmt: skip


def _shown(con: duckdb.DuckDBPyConnection, folder: Path, key: object) -> None:
    folder.mkdir(parents=True)
    con.execute(
        f"copy (select $1::varchar as number_key, date '2026-01-02' as dt, 3::bigint as payments) "
        f"to '{folder}/part.parquet' (format parquet)",
        [key],
    )
    prepare(con)
    con.execute("insert into pipeline.held_by_spark values ('fraud.spoken', $1, null, 1)", [str(folder)])
    show(con, {"nodes": {"model.spoken": _NODE}, "sources": {}}, ["model.spoken"], {}, folder.parent / "compiled")


def test_a_table_of_sparks_is_shown_with_the_types_that_duckdb_would_have_given_it(tmp_path: Path) -> None:
    with connect(_settings(tmp_path)) as con:
        _shown(con, tmp_path / "tables" / "fraud.spoken", str(_KEY))
        assert columns_of(con, "fraud.spoken") == {"number_key": "UUID", "dt": "DATE", "payments": "HUGEINT"}
        assert con.execute("from fraud.spoken").fetchall() == [(_KEY, date(2026, 1, 2), 3)]
    assert "sum(1)" in (tmp_path / "tables" / "compiled" / "ringfence" / "spoken.sql").read_text("utf-8")


def test_a_table_that_breaks_its_contract_is_not_taken_over(tmp_path: Path) -> None:
    with (
        connect(_settings(tmp_path)) as con,
        pytest.raises(BrokenContractError, match=r"fraud\.spoken: 1 rows have no number_key"),
    ):
        _shown(con, tmp_path / "tables" / "fraud.spoken", None)


def _begun(settings: Settings) -> Spark:
    """Spark, ready for a command of dbt's, over a warehouse in which `fct_port` has read a day."""
    with connect(settings, str(settings.warehouse)) as con:
        refresh_raw(con, settings, FEEDS)
        prepare(con)
        columns = "(model varchar, code varchar, version varchar, replaced varchar, was_whole boolean)"
        con.execute(f"create table pipeline.made_of {columns}")
        con.execute(f"create table pipeline.wanted {columns}")
        con.execute("insert into pipeline.consumed values ('fct_port', 'portability_events', '2026-01-03', 1)")
    spark = Spark(settings)
    spark.begin({"nodes": {}})
    return spark


def test_what_no_view_shows_is_removed_before_the_next_command(tmp_path: Path) -> None:
    settings = _settings(tmp_path, engine="spark")
    left = settings.spark_dir / "tables" / "killed" / "fraud.spoken"
    left.mkdir(parents=True)
    _begun(settings)
    assert not left.exists()
    assert (settings.spark_dir / "statements.json").exists()


def test_what_models_have_read_is_asked_and_written_without_a_job_of_sparks(tmp_path: Path) -> None:
    settings = _settings(tmp_path, engine="spark")
    spark = _begun(settings)
    progress = Progress(settings.spark_dir / STATE)
    progress.show("pipeline.readable", "select model, feed, dt + 1 as dt, rev from pipeline.consumed")
    assert progress.column_of("select dt from pipeline.readable") == [date(2026, 1, 4)]
    assert progress.column_of("select model from pipeline.wanted") == []
    progress.replace("consumed", "fct_port", "select model, feed, dt, rev from pipeline.readable")
    assert progress.column_of("select dt from pipeline.readable") == [date(2026, 1, 5)]
    spark.end({"nodes": {}, "sources": {}}, {"results": [], "metadata": {"invocation_id": "one"}}, {})
    with connect(settings, str(settings.warehouse)) as con:
        read = con.execute("select model, feed, dt, rev from pipeline.consumed").fetchall()
    assert read == [("fct_port", "portability_events", date(2026, 1, 4), 1)]


def test_spark_is_told_the_columns_of_what_it_holds_where_their_types_have_one_name(tmp_path: Path) -> None:
    settings = _settings(tmp_path, engine="spark")
    rows = {
        "told": "select 'a' as name, date '2026-01-01' as dt, now() as seen_at, 1.5 as rate",
        "found": "select 'a' as name, [1.5, 2.5] as places",
    }
    with connect(settings, str(settings.warehouse)) as con:
        prepare(con)
        for number, (name, query) in enumerate(rows.items()):
            folder = settings.spark_dir / "tables" / "one" / f"fraud.{name}"
            folder.mkdir(parents=True)
            con.execute(f"copy ({query}) to '{folder}/part.parquet' (format parquet)")
            con.execute(
                "insert into pipeline.held_by_spark values ($1, $2, null, $3)", [folder.name, str(folder), number]
            )
    _begun(settings)
    said = json.loads((settings.spark_dir / STATEMENTS).read_text("utf-8"))
    (told,) = (one for one in said if one.startswith("create table fraud.told"))
    (found,) = (one for one in said if one.startswith("create table fraud.found"))
    assert "(`name` string, `dt` date, `seen_at` timestamp, `rate` decimal(2,1)) using parquet" in told
    assert found.startswith("create table fraud.found  using parquet location")
