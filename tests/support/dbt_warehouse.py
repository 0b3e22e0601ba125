"""A small warehouse for tests of the dbt project: raw relations as ingest leaves them, and dbt's CLI."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

DBT_PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"

RAW_COLUMNS = {
    "portability_events": (
        "port_id varchar, event_seq integer, number_key uuid, donor_provider varchar, donor_network varchar, "
        "recipient_provider varchar, recipient_network varchar, line_type varchar, status varchar, "
        "reject_code varchar, requested_at timestamptz, status_at timestamptz, processed_on date"
    ),
    "subscriptions": (
        "line_key uuid, number_key uuid, provider varchar, plan_code varchar, monthly_fee bigint, line_type varchar, "
        "contract_kind varchar, activated_on date, contract_start_on date, contract_end_on date, etf bigint, "
        "status varchar, termination_reason varchar, age_band varchar, region_code varchar, changed_at timestamptz"
    ),
    "payments": (
        "payment_id varchar, event_seq integer, line_key uuid, number_key uuid, product varchar, merchant_id varchar, "
        "merchant_category varchar, amount bigint, auth_method varchar, is_ars_call_complete boolean, cell_id varchar, "
        "monthly_limit bigint, limit_raised_at timestamptz, status varchar, occurred_at timestamptz"
    ),
    "payment_disputes": (
        "dispute_id varchar, event_seq integer, payment_id varchar, status varchar, refunded_amount bigint, "
        "occurred_at timestamptz"
    ),
    "cell_registry": ("cell_id varchar, kind varchar, region_code varchar, registered_on date, deregistered_on date"),
    "cell_attachments": (
        "number_key uuid, cell_id varchar, region_code varchar, hour_start timestamptz, attach_count bigint, "
        "first_seen_at timestamptz, last_seen_at timestamptz"
    ),
    "sim_changes": "number_key uuid, changed_at timestamptz, channel varchar",
    "alert_dispositions": "case_id varchar, disposition varchar, decided_at timestamptz, analyst_key uuid",
    "termination_fees": (
        "fee_event_id varchar, line_key uuid, event varchar, reason varchar, amount bigint, occurred_at timestamptz"
    ),
    "invoices": (
        "invoice_id varchar, line_no integer, line_key uuid, billing_month date, charge_kind varchar, amount bigint, "
        "invoice_total bigint, issued_on date"
    ),
    "provider_line_counts": "month date, provider varchar, line_type varchar, lines bigint",
}

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Warehouse:
    """A DuckDB file with schema `raw`, and the dbt project run on it."""

    path: Path
    target: Path
    view: str = "operator:KT"
    site: Path | None = None

    @classmethod
    def create(cls, folder: Path, name: str, **settings: Any) -> Warehouse:
        """A warehouse whose feeds have never arrived."""
        warehouse = cls(folder / f"{name}.duckdb", folder / "target", **settings)
        with warehouse.connect() as con:
            con.execute("create schema raw")
            con.execute(
                "create table raw.revision "
                "(feed varchar, dt date, rev integer, delivered_at timestamptz, is_current boolean)"
            )
            for feed, columns in RAW_COLUMNS.items():
                con.execute(f"create table raw.{feed}__all_revisions ({columns}, dt date, rev integer)")
                con.execute(
                    f"create view raw.{feed} as select * from raw.{feed}__all_revisions where (dt, rev) in "
                    f"(select (dt, rev) from raw.revision where feed = '{feed}' and is_current)"
                )
        return warehouse

    def connect(self) -> duckdb.DuckDBPyConnection:
        con = duckdb.connect(str(self.path))
        con.execute("set timezone = 'Asia/Seoul'")
        return con

    def deliver(self, feed: str, dt: str, rows: Iterable[Row], *, rev: int = 1) -> None:
        """One revision of one day, which becomes the current one; it came `rev` days later.

        Columns that a row leaves out are null.
        """
        with self.connect() as con:
            con.execute("update raw.revision set is_current = false where feed = ? and dt = ?", [feed, dt])
            con.execute(
                "insert into raw.revision values ($1, $2, $3, $2::date + $3::integer + time '05:40', true)",
                [feed, dt, rev],
            )
            for row in rows:
                names = [*row, "dt", "rev"]
                marks = ", ".join("?" * len(names))
                con.execute(
                    f"insert into raw.{feed}__all_revisions ({', '.join(names)}) values ({marks})",
                    [*row.values(), dt, rev],
                )

    def dbt(self, *arguments: str) -> str:
        """Run dbt's CLI beside the running interpreter.

        Raises:
            AssertionError: if dbt fails, with what it printed.
        """
        environment = {name: value for name, value in os.environ.items() if not name.startswith("RINGFENCE_")}
        environment |= {
            "RINGFENCE_WAREHOUSE": str(self.path),
            "RINGFENCE_VIEW": self.view,
            "RINGFENCE_SITE": str(self.site or ""),
            "RINGFENCE_MEMORY_LIMIT": "1GB",
            "RINGFENCE_TEMP": str(self.path.with_suffix(".tmp")),
            "DBT_TARGET_PATH": str(self.target),
            "DBT_LOG_PATH": str(self.target),
        }
        command = [str(Path(sys.executable).with_name("dbt")), *arguments, "--profiles-dir", str(DBT_PROJECT)]
        done = subprocess.run(command, cwd=DBT_PROJECT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        return done.stdout

    def build_models(self, *arguments: str) -> str:
        """Seeds and models only: tests cost more than they tell on every step of a history."""
        return self.dbt("build", "--exclude-resource-types", "test", "unit_test", *arguments)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with self.connect() as con:
            return con.execute(sql).fetchall()

    def built_relations(self) -> list[str]:
        """Everything that dbt has built, by qualified name."""
        return [
            name
            for (name,) in self.query(
                "select table_schema || '.' || table_name from information_schema.tables "
                "where table_schema in ('intermediate', 'core', 'churn', 'fraud') order by 1"
            )
        ]
