"""Schema `ops` of the open file: what arrived, what the gates said, what was published."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import pandas as pd

from orchestration.base.settings import Settings
from orchestration.base.sql import connect, exact, literal
from orchestration.contracts import Feed
from orchestration.ingest.receipt import Receipt, in_force
from orchestration.serving.generations import Publication, doors, publications
from orchestration.serving.ops_tables import TABLES
from orchestration.warehouse.graph import Graph
from orchestration.warehouse.nodes import Node


def create_ops(
    settings: Settings,
    graph: Graph,
    feeds: Mapping[str, Feed],
    path: Path,
    publication: Publication,
    storage_version: str,
    receipts: Sequence[Receipt],
) -> None:
    """Write `ops` into the open file of a generation that is being built."""
    with connect(settings) as con:
        con.execute(f"attach {literal(str(path))} as out (storage_version {literal(storage_version)})")
        con.execute("create schema out.ops")
        for table in TABLES.values():
            columns = ", ".join(f"{column.name} {column.data_type}" for column in table.columns)
            con.execute(f"create table out.{table.relation} ({columns})")
            con.execute(f"comment on table out.{table.relation} is {literal(table.description)}")
            for column in table.columns:
                con.execute(f"comment on column out.{table.relation}.{column.name} is {literal(column.description)}")
        _insert(con, "delivery", _deliveries(receipts))
        _insert(con, "reconciliation", _landing_to_raw(receipts, feeds))
        _insert_raw_to_facts(con, settings, graph)
        _insert_gate_results(con, settings)
        _insert(con, "publication", _publications([*publications(settings), publication]))
        _insert(con, "columns", _columns([*graph.published(), *TABLES.values()]))
        con.execute("checkpoint out")
        con.execute("detach out")


def _insert(con: duckdb.DuckDBPyConnection, name: str, rows: pd.DataFrame) -> None:
    if len(rows):
        con.register("ops_rows", rows)
        con.execute(f"insert into out.ops.{name} by name select * from ops_rows")
        con.unregister("ops_rows")


def _deliveries(receipts: Sequence[Receipt]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "feed": receipt.feed, "dt": receipt.dt, "rev": receipt.rev, "status": receipt.status,
            "refusal": receipt.refusal, "files": len(receipt.files),
            "bytes": sum(file.bytes for file in receipt.files), "sha256": receipt.sha256,
            "rows_read": receipt.rows_read, "rows_accepted": receipt.rows_accepted,
            "rows_quarantined": receipt.rows_quarantined, "rows_duplicate": receipt.rows_duplicate,
            "reasons": json.dumps(receipt.reasons), "totals": json.dumps(receipt.totals, default=str),
            "delivered_at": receipt.delivered_at, "ingested_at": receipt.ingested_at,
        }
        for receipt in receipts
    )  # fmt: skip


def _landing_to_raw(receipts: Sequence[Receipt], feeds: Mapping[str, Feed]) -> pd.DataFrame:
    """What each delivery's files held, what raw took, and what quarantine and duplicates explain of the rest."""
    return pd.DataFrame(
        {
            "feed": receipt.feed, "dt": receipt.dt, "stage": "landing to raw",
            "rows_in": receipt.rows_read, "rows_out": receipt.rows_accepted,
            "rows_difference": receipt.rows_read - receipt.rows_accepted,
            "amount_in": sum(file.amount_read for file in receipt.files) if has_amount else None,
            "amount_out": sum(file.amount_accepted for file in receipt.files) if has_amount else None,
            "amount_difference": sum(file.amount_read - file.amount_accepted for file in receipt.files)
            if has_amount else None,
            "explained_by": f"{receipt.rows_quarantined} quarantined, {receipt.rows_duplicate} duplicate",
            "rows_unexplained": receipt.rows_read - receipt.rows_accepted - receipt.rows_quarantined
            - receipt.rows_duplicate,
        }
        for receipt in in_force(receipts)
        for has_amount in [receipt.feed in feeds and feeds[receipt.feed].amount is not None]
    )  # fmt: skip


def _insert_raw_to_facts(con: duckdb.DuckDBPyConnection, settings: Settings, graph: Graph) -> None:
    """What the models that reconcile a feed with its facts (`meta.reconciles`) have counted."""
    con.execute(f"attach {literal(str(settings.warehouse))} as warehouse (read_only)")
    for feed, relation in graph.reconciling().items():
        schema, name = relation.split(".")
        if not con.execute(
            "select 1 from duckdb_columns() where database_name = 'warehouse' and schema_name = $1 and table_name = $2",
            [schema, name],
        ).fetchall():
            continue
        con.execute(
            f"""
            insert into out.ops.reconciliation by name
            select {literal(feed)} as feed, dt, 'raw to facts' as stage,
                rows_delivered as rows_in, rows_in_facts as rows_out, rows_in - rows_out as rows_difference,
                amount_delivered as amount_in, amount_in_facts as amount_out,
                amount_in - coalesce(amount_out, 0) as amount_difference,
                format('{{}} with a later state, {{}} told again', rows_with_later_state, rows_told_again)
                    as explained_by,
                rows_lost + rows_invented as rows_unexplained,
            from warehouse.{relation}
            """
        )
    con.execute("detach warehouse")


def _insert_gate_results(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """What the history of verdicts holds under these names, run by run."""
    files = [exact(path) for path in (settings.gates_dir / "history").glob("*/*.json")]
    if files:
        columns = {column.name: column.data_type for column in TABLES["gate_result"].columns}
        read = f"read_json($1, columns = {columns}, format = 'array')"
        con.execute(f"insert into out.ops.gate_result by name from {read}", [files])


def _publications(known: list[Publication]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "generation": publication.generation, "run_id": publication.run_id,
            "git_commit": publication.git_commit, "engine": publication.engine,
            "published_at": publication.published_at,
            "relation": entry.relation, "door": entry.door, "rows": entry.rows, "checksum": entry.checksum,
            "data_through": entry.data_through, "held_back_by": ", ".join(entry.held_back_by) or None,
            "rests_on_accepted": ", ".join(entry.rests_on_accepted) or None,
        }
        for publication in known
        for entry in publication.relations
    )  # fmt: skip


def _columns(published: Sequence[Node]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "relation": node.relation, "column_name": column.name, "position": position,
            "data_type": column.data_type, "is_key": column.name in node.key, "description": column.description,
            "relation_description": node.description, "doors": ", ".join(sorted(doors(node))),
        }
        for node in published
        for position, column in enumerate(node.columns, start=1)
    )  # fmt: skip
