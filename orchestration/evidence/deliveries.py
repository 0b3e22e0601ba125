"""The deliveries that a figure rests on: those that hold its rows, and those of its days."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import duckdb

from orchestration.base.settings import Settings
from orchestration.contracts import Feed
from orchestration.evidence.basis import Basis
from orchestration.ingest.receipt import Receipt, in_force, read_receipts
from orchestration.warehouse.raw_relations import rows_of

#: First and last day.
Span = tuple[date, date]


@dataclass(frozen=True)
class DeliveredFile:
    """One file of a delivery, as it was read."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Delivery:
    """One revision: what arrived, what became of its rows, and how many of them tell of what the figure counts.

    `rows_counted` is None where a figure's rows are not known one by one. What is not in force has been replaced by a
    later revision, or was refused.
    """

    feed: str
    dt: date
    rev: int
    status: str
    is_in_force: bool
    delivered_at: datetime
    files: list[DeliveredFile]
    sha256: str
    rows_read: int
    rows_accepted: int
    rows_quarantined: int
    reasons: dict[str, int]
    rows_duplicate: int
    rows_counted: int | None


def known_by(settings: Settings, feed: str, by: datetime) -> list[Receipt]:
    """Receipts of a feed's revisions that had been taken in by a moment: what a publication of then could hold."""
    return [receipt for receipt in read_receipts(settings.raw_dir, feed) if receipt.ingested_at <= by]


def resting_on(
    con: duckdb.DuckDBPyConnection, settings: Settings, feed: Feed, basis: Basis, door: str, by: datetime,
    span: Span | None,
) -> list[Delivery]:  # fmt: skip
    """Deliveries with a row that tells of a counted fact, and those of the figure's days, all revisions of each."""
    receipts = known_by(settings, feed.name, by)
    counted = _counted(con, settings, feed, basis, door, receipts)
    return _chosen(receipts, span, counted)


def of_days(settings: Settings, feeds: Iterable[str], by: datetime, span: Span | None) -> list[Delivery]:
    """Deliveries of these feeds for some days, for a figure whose rows are not known."""
    return [found for feed in sorted(feeds) for found in _chosen(known_by(settings, feed, by), span, None)]


def told_sql(basis: Basis, events: str, door: str, facts: str) -> str:
    """One row per counted fact and delivered row that tells of it last: its key, `state`, `dt` and `rev`."""
    names = basis.facts
    return f"""
        select {names.event_key} as key,
            max_by({{'state': event.{names.state}, 'dt': event.dt, 'rev': event.rev}},
                {{'state': event.{names.state}, 'dt': event.dt}}) as told
        from ({events}) as event
        where ({names.told_by})
            and {names.event_key} in (select {names.fact_key} {basis.pairs_sql(door, facts)})
        group by all"""


def _counted(
    con: duckdb.DuckDBPyConnection, settings: Settings, feed: Feed, basis: Basis, door: str,
    receipts: Sequence[Receipt],
) -> Mapping[tuple[date, int], int]:  # fmt: skip
    events = rows_of(con, settings, feed, in_force(receipts))
    rows = con.execute(
        f"select told.dt, told.rev, count(*) from ({told_sql(basis, events, door, basis.published)}) group by all"
    ).fetchall()
    return {(dt, rev): count for dt, rev, count in rows}


def _chosen(
    receipts: Sequence[Receipt], span: Span | None, counted: Mapping[tuple[date, int], int] | None
) -> list[Delivery]:
    days = {dt for dt, _ in counted or ()}
    current = {(receipt.dt, receipt.rev) for receipt in in_force(receipts)}
    return [
        _delivery(receipt, (receipt.dt, receipt.rev) in current, counted)
        for receipt in receipts
        if receipt.dt in days or (span and span[0] <= receipt.dt <= span[1])
    ]


def _delivery(receipt: Receipt, is_in_force: bool, counted: Mapping[tuple[date, int], int] | None) -> Delivery:
    return Delivery(
        feed=receipt.feed, dt=receipt.dt, rev=receipt.rev, status=receipt.status, is_in_force=is_in_force,
        delivered_at=receipt.delivered_at, sha256=receipt.sha256,
        files=[DeliveredFile(file.name, file.bytes, file.sha256) for file in receipt.files],
        rows_read=receipt.rows_read, rows_accepted=receipt.rows_accepted, rows_quarantined=receipt.rows_quarantined,
        reasons=receipt.reasons, rows_duplicate=receipt.rows_duplicate,
        rows_counted=counted.get((receipt.dt, receipt.rev), 0) if counted is not None else None,
    )  # fmt: skip
