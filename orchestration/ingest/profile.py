"""Deliveries as the raw gates see them: one row per feed, day and revision."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import duckdb
import pandas as pd

from orchestration.base.settings import Settings
from orchestration.contracts import Feed
from orchestration.ingest.calendar import create_calendar
from orchestration.ingest.receipt import Receipt

RELATION = "delivery_profile"

#: Fewer earlier deliveries than this say nothing about what is typical.
_LEAST_HISTORY = 3

_COLUMNS = (
    "feed varchar, dt date, rev integer, status varchar, refusal varchar, rows_read bigint, rows_accepted bigint, "
    "rows_quarantined bigint, rows_duplicate bigint, delivered_at timestamptz, unknown_columns integer, "
    "files_maybe_cut integer, is_claim_impossible boolean, rows_ahead bigint, rows_behind bigint, "
    "is_manifest_present boolean, content varchar, reasons map(varchar, bigint), totals map(varchar, double)"
)


def create_delivery_profile(
    con: duckdb.DuckDBPyConnection, settings: Settings, feed: Feed, receipts: Iterable[Receipt]
) -> str:
    """Create the temporary relation `delivery_profile` of one feed and return its name.

    Grain: one row per feed, `dt`, `rev`.

    | column | meaning |
    |---|---|
    | `typical_rows`, `rows_vs_typical` | median `rows_read` of the same weekday's earlier ordinary days (no holiday, no incident), and the ratio to it |
    | `rows_vs_recent` | `rows_vs_typical` against its median on the ordinary processing days among the eight before, so that a slow decline is none |
    | `is_processing_day`, `is_holiday`, `has_incident` | the kind of day, from the reference tables |
    | `lateness_days` | counted from the morning after `dt` |
    | `same_bytes_as` | an earlier day whose delivery was the same, byte by byte |
    | `files_maybe_cut` | texts whose last line does not end, and that no manifest vouches for |
    | `is_claim_impossible` | whether its manifest or files say that it came before its day had ended, or in the future |
    | `rows_ahead`, `rows_behind` | accepted rows that by the contract's `eventTime` happened after `dt`, or more than its `eventTimeDays` before |
    | `is_first` | whether no earlier delivery is there: it may bring the past with it |
    | `had_manifests` | whether all of the up to eight deliveries before had a manifest |
    | `worst_reason`, `worst_reason_pct`, `worst_reason_usual_pct` | the reason of quarantine whose share of the rows grew most over its median in the up to eight deliveries before |
    | `shifted_total`, `shifted_total_ratio` | the control total whose mean per row is farthest from its median in the up to eight deliveries before, and the ratio to that |
    """  # noqa: E501
    _load(con, receipts)
    calendar = create_calendar(con, settings, "select dt from receipt")
    con.execute(
        f"""
        create or replace temp table {RELATION} as
        with measured as (
            select receipt.* exclude (delivered_at, content, reasons, totals),
                calendar.* exclude (dt),
                100.0 * rows_quarantined / nullif(rows_read, 0) as quarantined_pct,
                {feed.tolerance_pct}::double as tolerance_pct,
                date_diff('day', dt + 1, delivered_at::date) as lateness_days,
                median(rows_read) filter (not is_holiday and not has_incident) over same_weekday as typical_of_earlier,
                count(*) filter (not is_holiday and not has_incident) over same_weekday as typical_days,
                if(rows_read > 0, min(dt) over (partition by content, rows_read > 0), null) as first_with_bytes,
                count(*) over earlier = 0 as is_first,
                count(*) over earlier >= {_LEAST_HISTORY} and bool_and(is_manifest_present) over earlier
                    as had_manifests,
            from receipt join {calendar} as calendar using (dt)
            window
                same_weekday as (
                    partition by isodow(dt), status order by dt, rev rows between 16 preceding and 1 preceding),
                earlier as (order by dt, rev rows between 8 preceding and 1 preceding)
        ),
        compared as (
            select measured.* exclude (typical_of_earlier, typical_days, first_with_bytes),
                if(typical_days >= {_LEAST_HISTORY}, typical_of_earlier, null) as typical_rows,
                rows_read / nullif(typical_rows, 0) as rows_vs_typical,
                nullif(first_with_bytes, dt) as same_bytes_as,
            from measured
        ),
        {_WORST_REASON},
        {_SHIFTED_TOTAL}
        select compared.*,
            rows_vs_typical / coalesce(median(rows_vs_typical) filter (
                is_processing_day and not is_holiday and not has_incident) over earlier, 1) as rows_vs_recent,
            worst_reason, worst_reason_pct, worst_reason_usual_pct, shifted_total, shifted_total_ratio,
        from compared
        left join worst_reason using (dt, rev)
        left join shifted_total using (dt, rev)
        window earlier as (order by dt, rev rows between 8 preceding and 1 preceding)
        """
    )
    return RELATION


#: A reason that an earlier delivery does not name had no rows there, so every delivery is paired with every reason.
_WORST_REASON = f"""
    reason_share as (
        select dt, rev, reason, 100.0 * coalesce(reasons[reason], 0) / rows_read as pct,
            median(pct) over earlier as usual_pct, count(*) over earlier as deliveries,
        from receipt cross join (select distinct unnest(map_keys(reasons)) as reason from receipt)
        where rows_read > 0
        window earlier as (partition by reason order by dt, rev rows between 8 preceding and 1 preceding)
    ),
    worst_reason as (
        select dt, rev, arg_max(reason, pct - usual_pct) as worst_reason, arg_max(pct, pct - usual_pct) as worst_reason_pct,
            arg_max(usual_pct, pct - usual_pct) as worst_reason_usual_pct,
        from reason_share where deliveries >= {_LEAST_HISTORY} group by all
    )"""  # noqa: E501

_SHIFTED_TOTAL = f"""
    total_mean as (
        select dt, rev, name, totals[name] / rows_read as mean,
            mean / nullif(median(mean) over earlier, 0) as ratio, count(*) over earlier as deliveries,
        from receipt cross join (select distinct unnest(map_keys(totals)) as name from receipt)
        where rows_read > 0 and totals[name] is not null
        window earlier as (partition by name order by dt, rev rows between 8 preceding and 1 preceding)
    ),
    shifted_total as (
        select dt, rev, arg_max(name, abs(ln(ratio))) as shifted_total,
            arg_max(ratio, abs(ln(ratio))) as shifted_total_ratio,
        from total_mean where deliveries >= {_LEAST_HISTORY} and ratio > 0 group by all
    )"""


def _load(con: duckdb.DuckDBPyConnection, receipts: Iterable[Receipt]) -> None:
    """The receipts as the temporary relation `receipt`; `content` identifies the bytes, whatever the files' names."""
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
            "files_maybe_cut": sum(file.may_be_cut for file in receipt.files),
            "is_claim_impossible": receipt.is_claim_impossible,
            "rows_ahead": receipt.rows_ahead,
            "rows_behind": receipt.rows_behind,
            "is_manifest_present": receipt.has_manifest,
            "content": " ".join(sorted({file.sha256 for file in receipt.files})),
            "reasons": _entries(receipt.reasons),
            "totals": _entries({name: float(total) for name, total in receipt.totals.items()}),
        }
        for receipt in receipts
    ]
    con.execute(f"create or replace temp table receipt ({_COLUMNS})")
    if rows:
        con.register("receipt_rows", pd.DataFrame(rows))
        con.execute(
            "insert into receipt by name select * replace (map(reasons.keys, reasons.counts) as reasons, "
            "map(totals.keys, totals.counts) as totals) from receipt_rows"
        )
        con.unregister("receipt_rows")


def _entries(counts: Mapping[str, float]) -> dict[str, list[str] | list[float]]:
    return {"keys": list(counts), "counts": list(counts.values())}
