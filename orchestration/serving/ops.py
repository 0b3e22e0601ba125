"""Schema `ops` of the open file: what arrived, what the gates said, what was published."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd

from orchestration.ingest.receipt import read_receipts
from orchestration.serving.generations import Publication, publications
from orchestration.settings import Settings
from orchestration.sql import connect, literal

_TABLES = {
    "delivery": (
        "feed varchar, dt date, rev integer, status varchar, refusal varchar, files integer, bytes bigint, "
        "sha256 varchar, rows_read bigint, rows_accepted bigint, rows_quarantined bigint, rows_duplicate bigint, "
        "reasons varchar, totals varchar, delivered_at timestamptz, ingested_at timestamptz",
        "One row per feed, dt and revision: what arrived and what became of its rows.",
    ),
    "gate_result": (
        "run_id varchar, judged_at timestamptz, stage varchar, relation varchar, partition varchar, "
        "expectation_id varchar, expectation_type varchar, severity varchar, passed boolean, observed varchar, "
        "expected varchar, evaluated bigint, failed bigint, why varchar, failing_rows_sql varchar, "
        "accepted_by varchar, accepted_reason varchar",
        "One row per run, gate, relation, partition and expectation: the verdict, what was seen, and who accepted it.",
    ),
    "publication": (
        "generation varchar, run_id varchar, git_commit varchar, published_at timestamptz, relation varchar, "
        "door varchar, rows bigint, checksum varchar, data_through date, held_back_by varchar, "
        "rests_on_accepted varchar",
        "One row per generation, relation and door: what it held, which closed gates kept it at an earlier state, and "
        "which accepted failures it rests on.",
    ),
}


def create_ops(settings: Settings, path: Path, publication: Publication, storage_version: str) -> None:
    """Write `ops` into the open file of a generation that is being built."""
    with connect(settings) as con:
        con.execute(f"attach {literal(str(path))} as out (storage_version {literal(storage_version)})")
        con.execute("create schema out.ops")
        for name, (columns, description) in _TABLES.items():
            con.execute(f"create table out.ops.{name} ({columns})")
            con.execute(f"comment on table out.ops.{name} is {literal(description)}")
        _insert(con, "delivery", _deliveries(settings))
        _insert_gate_results(con, settings)
        _insert(con, "publication", _publications([*publications(settings), publication]))
        con.execute("checkpoint out")
        con.execute("detach out")


def _insert(con: duckdb.DuckDBPyConnection, name: str, rows: pd.DataFrame) -> None:
    if len(rows):
        con.register("ops_rows", rows)
        con.execute(f"insert into out.ops.{name} by name select * from ops_rows")
        con.unregister("ops_rows")


def _deliveries(settings: Settings) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "feed": receipt.feed, "dt": receipt.dt, "rev": receipt.rev, "status": receipt.status,
            "refusal": receipt.refusal, "files": len(receipt.files),
            "bytes": sum(file.bytes for file in receipt.files), "sha256": receipt.sha256,
            "rows_read": receipt.rows_read, "rows_accepted": receipt.rows_accepted,
            "rows_quarantined": receipt.rows_quarantined, "rows_duplicate": receipt.rows_duplicate,
            "reasons": str(receipt.reasons or ""), "totals": str(receipt.totals or ""),
            "delivered_at": receipt.delivered_at, "ingested_at": receipt.ingested_at,
        }
        for receipt in read_receipts(settings.raw_dir)
    )  # fmt: skip


def _insert_gate_results(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    files = str(settings.gates_dir / "history" / "*" / "*.json")
    if not list((settings.gates_dir / "history").glob("*/*.json")):
        return
    con.execute(
        f"""
        insert into out.ops.gate_result
        select run_id, judged_at, stage, relation, partition, expectation_id, expectation_type, severity, passed,
            observed, expected, evaluated, failed, why, failing_rows_sql, accepted_by, accepted_reason
        from read_json({literal(files)}, columns = {{
            run_id: 'varchar', judged_at: 'timestamptz', stage: 'varchar', relation: 'varchar',
            partition: 'varchar', expectation_id: 'varchar', expectation_type: 'varchar', severity: 'varchar',
            passed: 'boolean', observed: 'varchar', expected: 'varchar', evaluated: 'bigint', failed: 'bigint',
            why: 'varchar', failing_rows_sql: 'varchar', accepted_by: 'varchar', accepted_reason: 'varchar'
            }}, format = 'array')
        """
    )


def _publications(known: list[Publication]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "generation": publication.generation, "run_id": publication.run_id,
            "git_commit": publication.git_commit, "published_at": publication.published_at,
            "relation": entry.relation, "door": entry.door, "rows": entry.rows, "checksum": entry.checksum,
            "data_through": entry.data_through, "held_back_by": ", ".join(entry.held_back_by) or None,
            "rests_on_accepted": ", ".join(entry.rests_on_accepted) or None,
        }
        for publication in known
        for entry in publication.relations
    )  # fmt: skip
