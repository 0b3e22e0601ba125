"""Ingest a feed's deliveries: the only writer of raw and quarantine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import duckdb

from orchestration.base.machine import CRASHES
from orchestration.base.settings import Settings, private_dir
from orchestration.base.sql import connect
from orchestration.contracts import Feed
from orchestration.ingest.batch import Batch, Outcome, run_batch
from orchestration.ingest.delivery import Delivery, find_delivery, size_of
from orchestration.ingest.faults import storing
from orchestration.ingest.known_since import KnownSince, known_since, passed_at
from orchestration.ingest.names import is_packed
from orchestration.ingest.placing import bring_to_disk, complete, put_in_place
from orchestration.ingest.receipt import (
    FileCount,
    Receipt,
    replace_receipt,
    revision_dir,
    revisions,
)
from orchestration.ingest.workspace import Workspace, discard_unfinished, one_at_a_time
from orchestration.privacy import PseudonymKey, numbers
from orchestration.privacy.custody import pin, shared
from orchestration.privacy.masking import without_numbers
from orchestration.privacy.vault import Vault

_BATCH_BYTES = 256 << 20  # of text; keeps a batch's intermediate results well under the memory limit
_BATCH_DELIVERIES = 90  # DuckDB keeps 100 partitions open while it writes
_GZIP_FACTOR = 8

Progress = Callable[[str, int, int], None]
#: A delivery whose content is new, with the receipts of its earlier revisions.
Changed = tuple[Delivery, list[Receipt]]


@dataclass(frozen=True)
class Ingested:
    """One delivery's newest receipt, and whether this call wrote it."""

    receipt: Receipt
    is_new: bool


def ingest(
    settings: Settings,
    feed: Feed,
    days: Iterable[date],
    progress: Progress | None = None,
    *,
    is_retry: bool = False,
) -> list[Ingested]:
    """Ingest what landing holds of a feed for these days; days without a delivery are passed over.

    The same bytes again change nothing, unless `is_retry` asks to judge them again because the contract has changed.
    Safe to kill at any moment: a revision is renamed into place whole.

    Raises:
        KeyMissingError: without a pseudonym key, or with another one than before, nothing is read.
        StorageError: there is no room for the result; the state is the one before.
    """
    with shared(settings) as key, one_at_a_time(settings, feed.name), storing(settings, feed.name):
        return _ingest(settings, feed, days, key, progress, is_retry)


def _ingest(
    settings: Settings, feed: Feed, days: Iterable[date], key: PseudonymKey, progress: Progress | None, is_retry: bool
) -> list[Ingested]:
    private_dir(settings.raw_dir)
    private_dir(settings.quarantine_dir)
    discard_unfinished(settings)
    done: list[Ingested] = []
    changed: list[Changed] = []
    for dt in sorted(set(days)):
        delivery = find_delivery(settings.landing_dir, feed, dt)
        if delivery is None:
            continue
        earlier = revisions(settings.raw_dir, feed.name, dt)
        if earlier and is_same(earlier[-1], delivery, feed, is_retry=is_retry):
            done.append(Ingested(_seen_again(settings, earlier[-1], delivery), is_new=False))
        else:
            changed.append((delivery, earlier))
    total = len(done) + len(changed)
    if changed:
        pin(settings, key)
        for taken in _take(settings, feed, key, _batches(changed)):
            done += taken
            if progress:
                progress(feed.name, len(done), total)
    return sorted(done, key=lambda ingested: ingested.receipt.dt)


def _take(
    settings: Settings, feed: Feed, key: PseudonymKey, parts: Iterable[Sequence[Changed]]
) -> Iterator[list[Ingested]]:
    """Ingest batches on one connection: to open one costs as much as a small batch.

    If a file crashes DuckDB, that connection is beyond use, and each delivery of the batch is tried on one of its own.
    """
    with ExitStack() as holding:
        con = None
        for part in parts:
            con = con or holding.enter_context(_connected(settings, key))
            try:
                yield _ingest_batch(settings, con, key, feed, part)
            except CRASHES:
                con = None
                for one in part:
                    with _connected(settings, key) as own:
                        yield _ingest_batch(settings, own, key, feed, [one], is_alone=True)


def _connected(settings: Settings, key: PseudonymKey) -> duckdb.DuckDBPyConnection:
    """A connection with the functions that a batch needs."""
    con = connect(settings)
    key.install(con)
    numbers.install(con, settings.site_profile.numbers)
    return con


def is_same(newest: Receipt, delivery: Delivery, feed: Feed, *, is_retry: bool = False) -> bool:
    """Nothing arrived since: same files, or same bytes. What was refused is tried again under a mended contract
    or with a mended manifest."""
    if newest.contract != feed.fingerprint and (is_retry or newest.status == "REFUSED"):
        return False
    if newest.fingerprint == delivery.fingerprint:
        return True
    is_manifest_same = newest.status == "ACCEPTED" or newest.manifest_sha256 == delivery.manifest_sha256
    return is_manifest_same and newest.sha256 == delivery.sha256


def _seen_again(settings: Settings, receipt: Receipt, delivery: Delivery) -> Receipt:
    """The receipt, remembering how the same bytes look on disk now, so that they are not hashed every night."""
    if receipt.fingerprint != delivery.fingerprint:
        receipt = receipt.model_copy(update={"fingerprint": delivery.fingerprint})
        replace_receipt(revision_dir(settings.raw_dir, receipt.feed, receipt.dt, receipt.rev), receipt)
    return receipt


def _ingest_batch(
    settings: Settings,
    con: duckdb.DuckDBPyConnection,
    key: PseudonymKey,
    feed: Feed,
    part: Sequence[Changed],
    *,
    is_alone: bool = False,
) -> list[Ingested]:
    history = {delivery.dt: earlier for delivery, earlier in part}
    deliveries = [delivery for delivery, _ in part]
    with Workspace(settings, feed.name) as workspace:
        batch = Batch(con, feed, settings.site_profile.numbers, workspace.scratch, is_alone)
        vault = Vault.open(con, settings, key)
        outcomes = run_batch(batch, vault, deliveries, workspace.accepted, workspace.quarantined)
        receipts = [
            _receipt(settings, outcome, history[outcome.delivery.dt], feed)
            for outcome in outcomes
            if not outcome.delivery.has_changed()  # while it was read; the next run takes it
        ]
        for receipt in receipts:
            complete(workspace, receipt)
        bring_to_disk(workspace)
        for receipt in receipts:
            put_in_place(settings, workspace, receipt)
        return [Ingested(receipt, is_new=True) for receipt in receipts]


def _receipt(settings: Settings, outcome: Outcome, earlier: list[Receipt], feed: Feed) -> Receipt:
    delivery, plan = outcome.delivery, settings.site_profile.numbers
    since = _known_since(settings, delivery, earlier, feed)
    unread = [
        FileCount(name=name, bytes=size_of(path), sha256=delivery.sha256_by_file[name])
        for path in delivery.files
        if (name := delivery.name_of(path))
    ]
    files = unread if outcome.refusal else [outcome.counts[delivery.name_of(path)] for path in delivery.files]
    return Receipt(
        feed=delivery.feed,
        dt=delivery.dt,
        rev=earlier[-1].rev + 1 if earlier else 1,
        status="REFUSED" if outcome.refusal else "ACCEPTED",
        refusal=outcome.refusal and delivery.without_numbers(outcome.refusal, plan),
        fingerprint=delivery.fingerprint,
        sha256=delivery.sha256,
        contract=feed.fingerprint,
        manifest_sha256=delivery.manifest_sha256,
        delivered_at=since.at.astimezone(UTC),
        claimed_at=since.claimed,
        is_claim_impossible=since.is_claim_impossible,
        ingested_at=datetime.now(UTC),
        has_manifest=delivery.manifest_sha256 is not None,
        files=[file.model_copy(update={"name": without_numbers(file.name, plan)}) for file in files],
        reasons={} if outcome.refusal else outcome.reasons,
        unknown_columns=outcome.unknown_columns,
        totals={} if outcome.refusal else outcome.totals,
        hidden={} if outcome.refusal else outcome.hidden,
        rows_ahead=0 if outcome.refusal else outcome.rows_ahead,
        rows_behind=0 if outcome.refusal else outcome.rows_behind,
    )


def _known_since(settings: Settings, delivery: Delivery, earlier: list[Receipt], feed: Feed) -> KnownSince:
    """When this revision became known: for bytes that are only judged anew, now."""
    now = datetime.now(UTC)
    if earlier and earlier[-1].sha256 == delivery.sha256 and earlier[-1].manifest_sha256 == delivery.manifest_sha256:
        return KnownSince(now)
    return known_since(
        delivery, is_first=not earlier, lateness_days=feed.lateness_days, zone=ZoneInfo(settings.time_zone),
        passed_at=passed_at(settings, delivery.dt), now=now,
    )  # fmt: skip


def _batches(changed: Sequence[Changed]) -> Iterator[list[Changed]]:
    part: list[Changed] = []
    size = 0
    for delivery, earlier in changed:
        bytes_ = sum(size_of(path) * (_GZIP_FACTOR if is_packed(path.name) else 1) for path in delivery.files)
        if part and (size + bytes_ > _BATCH_BYTES or len(part) == _BATCH_DELIVERIES):
            yield part
            part, size = [], 0
        part.append((delivery, earlier))
        size += bytes_
    if part:
        yield part
