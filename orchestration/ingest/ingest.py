"""Ingest a feed's deliveries: the only writer of raw and quarantine."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq

from orchestration.contracts import Feed
from orchestration.ingest.batch import Batch, Outcome
from orchestration.ingest.delivery import Delivery, RefusedError, find_delivery
from orchestration.ingest.receipt import (
    FileCount,
    Receipt,
    discard_unfinished,
    revision_dir,
    revisions,
    write_receipt,
)
from orchestration.privacy import PseudonymKey
from orchestration.settings import Settings, private_dir
from orchestration.sql import connect

_BATCH_BYTES = 256 << 20  # of text; keeps a batch's intermediate results well under the memory limit
_BATCH_DELIVERIES = 90  # DuckDB keeps 100 partitions open while it writes
_GZIP_FACTOR = 8

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Ingested:
    """One delivery's newest receipt, and whether this call wrote it."""

    receipt: Receipt
    is_new: bool


def ingest(settings: Settings, feed: Feed, days: Iterable[date], progress: Progress | None = None) -> list[Ingested]:
    """Ingest what landing holds of a feed for these days; days without a delivery are passed over.

    The same bytes again change nothing. Safe to kill at any moment: a revision is renamed into place whole.

    Raises:
        KeyMissingError: without a pseudonym key nothing is read.
    """
    key = PseudonymKey.load(settings)
    private_dir(settings.raw_dir)
    private_dir(settings.quarantine_dir)
    discard_unfinished(settings.raw_dir)
    done: list[Ingested] = []
    changed: list[tuple[Delivery, list[Receipt]]] = []
    for dt in sorted(set(days)):
        delivery = find_delivery(settings.landing_dir, feed.name, dt)
        if delivery is None:
            continue
        earlier = revisions(settings.raw_dir, feed.name, dt)
        if earlier and _is_same(earlier[-1], delivery, feed):
            done.append(Ingested(earlier[-1], is_new=False))
        else:
            changed.append((delivery, earlier))
    total = len(done) + len(changed)
    if changed:
        with connect(settings) as con:
            key.install(con)
            for part in _batches(changed):
                with _Workspace(settings, feed) as workspace:
                    batch = Batch(con, feed, settings.site_profile.numbers, settings.time_zone, workspace.scratch)
                    done += _ingest_batch(settings, batch, part, workspace)
                if progress:
                    progress(feed.name, len(done), total)
    return sorted(done, key=lambda ingested: ingested.receipt.dt)


def _is_same(newest: Receipt, delivery: Delivery, feed: Feed) -> bool:
    """Nothing arrived since: same files, or same bytes. What was refused is tried again under a mended contract."""
    if newest.status == "REFUSED" and newest.contract != feed.fingerprint:
        return False
    return newest.fingerprint == delivery.fingerprint or newest.sha256 == delivery.sha256


def _ingest_batch(
    settings: Settings, batch: Batch, part: Sequence[tuple[Delivery, list[Receipt]]], workspace: _Workspace
) -> list[Ingested]:
    history = {delivery.dt: earlier for delivery, earlier in part}
    outcomes = batch.run([delivery for delivery, _ in part], workspace.accepted, workspace.quarantined)
    done = []
    for outcome in outcomes:
        receipt = _receipt(outcome, history[outcome.delivery.dt], batch.feed, ZoneInfo(settings.time_zone))
        _put_in_place(settings, workspace, receipt)
        done.append(Ingested(receipt, is_new=True))
    return done


def _receipt(outcome: Outcome, earlier: list[Receipt], feed: Feed, zone: ZoneInfo) -> Receipt:
    delivery = outcome.delivery
    try:
        has_manifest = delivery.manifest is not None
        delivered_at = delivery.delivered_at(is_first=not earlier, lateness_days=feed.lateness_days, zone=zone)
    except (RefusedError, ValueError):  # the manifest itself is what cannot be read
        has_manifest, delivered_at = True, datetime.now(UTC)
    unread = [
        FileCount(name=path.name, bytes=path.stat().st_size, sha256=delivery.sha256_by_file[path.name])
        for path in delivery.files
    ]
    return Receipt(
        feed=delivery.feed,
        dt=delivery.dt,
        rev=earlier[-1].rev + 1 if earlier else 1,
        status="REFUSED" if outcome.refusal else "ACCEPTED",
        refusal=outcome.refusal,
        fingerprint=delivery.fingerprint,
        sha256=delivery.sha256,
        contract=feed.fingerprint,
        delivered_at=delivered_at.astimezone(UTC),
        ingested_at=datetime.now(UTC),
        has_manifest=has_manifest,
        files=unread if outcome.refusal else [outcome.counts[path.name] for path in delivery.files],
        reasons={} if outcome.refusal else outcome.reasons,
        unknown_columns=outcome.unknown_columns,
        totals={} if outcome.refusal else outcome.totals,
    )


def _put_in_place(settings: Settings, workspace: _Workspace, receipt: Receipt) -> None:
    """Rename quarantine first, then raw with its receipt: the second rename is the commit."""
    partition = f"dt={receipt.dt.isoformat()}"
    accepted = workspace.accepted / partition
    accepted.mkdir(parents=True, exist_ok=True)
    written = sum(pq.read_metadata(path).num_rows for path in accepted.glob("*.parquet"))
    if written != receipt.rows_accepted:
        raise RuntimeError(
            f"{receipt.feed} {receipt.dt}: {written} rows written, {receipt.rows_accepted} accepted; nothing was kept"
        )
    write_receipt(accepted, receipt)
    _sync(accepted)
    if (workspace.quarantined / partition).exists():
        _replace(
            workspace.quarantined / partition,
            revision_dir(settings.quarantine_dir, receipt.feed, receipt.dt, receipt.rev),
        )
    _replace(accepted, revision_dir(settings.raw_dir, receipt.feed, receipt.dt, receipt.rev))


def _replace(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():  # a killed ingest renamed its quarantine and got no further
        shutil.rmtree(target)
    source.rename(target)


def _sync(folder: Path) -> None:
    for path in [*folder.iterdir(), folder]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _batches(
    changed: Sequence[tuple[Delivery, list[Receipt]]],
) -> Iterator[list[tuple[Delivery, list[Receipt]]]]:
    part: list[tuple[Delivery, list[Receipt]]] = []
    size = 0
    for delivery, earlier in changed:
        bytes_ = sum(
            path.stat().st_size * (_GZIP_FACTOR if path.name.endswith(".gz") else 1) for path in delivery.files
        )
        if part and (size + bytes_ > _BATCH_BYTES or len(part) == _BATCH_DELIVERIES):
            yield part
            part, size = [], 0
        part.append((delivery, earlier))
        size += bytes_
    if part:
        yield part


class _Workspace:
    """Temporary siblings of a batch's results, on the same file system as these, gone afterwards."""

    def __init__(self, settings: Settings, feed: Feed) -> None:
        name = f".tmp-{uuid.uuid4().hex}"
        self.accepted = settings.raw_dir / feed.name / name
        self.quarantined = settings.quarantine_dir / feed.name / name
        self.scratch = settings.scratch_dir / name

    def __enter__(self) -> _Workspace:
        for folder in (self.accepted, self.quarantined, self.scratch):
            private_dir(folder)
        return self

    def __exit__(self, *_: object) -> None:
        for folder in (self.accepted, self.quarantined, self.scratch):
            shutil.rmtree(folder, ignore_errors=True)
