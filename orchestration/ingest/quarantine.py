"""Looking at what quarantine holds, and judging it again once the contract has been mended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from orchestration.base.settings import Settings
from orchestration.base.sql import connect, exact
from orchestration.contracts import Feed
from orchestration.ingest.delivery import find_delivery
from orchestration.ingest.ingest import ingest
from orchestration.ingest.receipt import Receipt, newest, read_receipts, revision_dir


@dataclass(frozen=True)
class BadRow:
    """A masked row of a delivery's newest revision; `row_number` counts the file's records from 1, below the header."""

    feed: str
    dt: date
    rev: int
    file: str
    row_number: int
    reasons: list[str]
    masked_row: str


@dataclass(frozen=True)
class Retried:
    """One delivery judged again: its receipt before and after, or why it could not be."""

    before: Receipt
    after: Receipt | None
    why_not: str | None = None


def read_bad_rows(settings: Settings, feed: str | None, dt: date | None, limit: int) -> list[BadRow]:
    """Rows in quarantine of the newest revisions, by feed, day, file and row number."""
    found: list[BadRow] = []
    with connect(settings) as con:
        for receipt in _chosen(settings, feed, dt):
            folder = revision_dir(settings.quarantine_dir, receipt.feed, receipt.dt, receipt.rev)
            if len(found) >= limit or not list(folder.glob("*.parquet")):
                continue
            rows = con.execute(
                "select file, row_number, reasons, masked_row from read_parquet($1) order by file, row_number limit $2",
                [f"{exact(folder)}/*.parquet", limit - len(found)],
            ).fetchall()
            found += [BadRow(receipt.feed, receipt.dt, receipt.rev, *row) for row in rows]
    return found


def refused(settings: Settings, feed: str | None, dt: date | None) -> list[Receipt]:
    """Deliveries of which nothing was taken, and whose rows are therefore not in quarantine either."""
    return [receipt for receipt in _chosen(settings, feed, dt) if receipt.status == "REFUSED"]


def retry(settings: Settings, feeds: Mapping[str, Feed], feed: str | None, dt: date | None) -> list[Retried]:
    """Judge deliveries with bad rows, and refused ones, again under today's contract: each becomes a new revision.

    Raises:
        KeyMissingError: without a pseudonym key nothing is read.
    """
    done: list[Retried] = []
    for name, contract in feeds.items():
        waiting = [
            receipt
            for receipt in _chosen(settings, feed, dt)
            if receipt.feed == name and (receipt.status == "REFUSED" or receipt.rows_quarantined)
        ]
        reasons = {receipt.dt: _why_not(settings, contract, receipt) for receipt in waiting}
        days = [day for day, why_not in reasons.items() if why_not is None]
        after = {one.receipt.dt: one.receipt for one in ingest(settings, contract, days, is_retry=True)} if days else {}
        done += [Retried(receipt, after.get(receipt.dt), reasons[receipt.dt]) for receipt in waiting]
    return done


def _why_not(settings: Settings, feed: Feed, receipt: Receipt) -> str | None:
    if find_delivery(settings.landing_dir, feed, receipt.dt) is None:
        return "its files are no longer in landing"
    if receipt.contract == feed.fingerprint:
        return "the contract has not changed since"
    return None


def _chosen(settings: Settings, feed: str | None, dt: date | None) -> list[Receipt]:
    return [receipt for receipt in newest(read_receipts(settings.raw_dir, feed)) if dt is None or receipt.dt == dt]
