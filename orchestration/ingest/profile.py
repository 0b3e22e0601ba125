"""Deliveries as the raw gates see them: one row per feed, day and revision."""

from __future__ import annotations

from collections.abc import Iterable

import duckdb
import pandas as pd

from orchestration.contracts import Feed
from orchestration.ingest.receipt import Receipt

RELATION = "delivery_profile"

#: Fewer earlier deliveries of a weekday than this say nothing about what is typical.
_LEAST_HISTORY = 3


def create_delivery_profile(con: duckdb.DuckDBPyConnection, feed: Feed, receipts: Iterable[Receipt]) -> str:
    """Create the temporary relation `delivery_profile` of one feed and return its name.

    Grain: one row per feed, `dt`, `rev`. `typical_rows` is the median `rows_read` of the same weekday's earlier days;
    `rows_vs_typical` the ratio to it; `lateness_days` counts from the morning after `dt`.
    """
    rows = [
        {
            "feed": receipt.feed,
            "dt": receipt.dt,
            "rev": receipt.rev,
            "status": receipt.status,
            "refusal": receipt.refusal,
            "rows_read": receipt.rows_read,
            "rows_accepted": receipt.rows_accepted,
            "rows_quarantined": receipt.rows_quarantined,
            "rows_duplicate": receipt.rows_duplicate,
            "delivered_at": receipt.delivered_at,
            "unknown_columns": len(receipt.unknown_columns),
            "is_manifest_present": receipt.has_manifest,
        }
        for receipt in receipts
    ]
    columns = (
        "feed varchar, dt date, rev integer, status varchar, refusal varchar, rows_read bigint, rows_accepted bigint, "
        "rows_quarantined bigint, rows_duplicate bigint, delivered_at timestamptz, unknown_columns integer, "
        "is_manifest_present boolean"
    )
    con.execute(f"create or replace temp table receipt ({columns})")
    if rows:
        con.register("receipt_rows", pd.DataFrame(rows))
        con.execute("insert into receipt by name select * from receipt_rows")
        con.unregister("receipt_rows")
    con.execute(
        f"""
        create or replace temp table {RELATION} as
        with measured as (
            select * exclude (delivered_at),
                100.0 * rows_quarantined / nullif(rows_read, 0) as quarantined_pct,
                {feed.tolerance_pct}::double as tolerance_pct,
                date_diff('day', dt + 1, delivered_at::date) as lateness_days,
                median(rows_read) over earlier as typical_of_earlier,
                count(*) over earlier as earlier_deliveries,
            from receipt
            window earlier as (
                partition by isodow(dt), status order by dt, rev rows between 8 preceding and 1 preceding)
        )
        select * exclude (typical_of_earlier, earlier_deliveries),
            if(earlier_deliveries >= {_LEAST_HISTORY}, typical_of_earlier, null) as typical_rows,
            rows_read / nullif(typical_rows, 0) as rows_vs_typical,
        from measured
        """
    )
    return RELATION
