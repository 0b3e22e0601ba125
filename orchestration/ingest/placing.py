"""What a batch has written, on disk and renamed into place: the rename of a revision's raw rows is its commit."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow.parquet as pq

from orchestration.base.files import sync
from orchestration.base.settings import Settings
from orchestration.ingest.receipt import Receipt, revision_dir, write_receipt
from orchestration.ingest.workspace import Workspace

_SYNCING = 32


def complete(workspace: Workspace, receipt: Receipt) -> None:
    """Lay the receipt beside the rows that it speaks of."""
    accepted, quarantined = workspace.partitions(receipt.dt)
    if receipt.refusal:
        for folder in (accepted, quarantined):
            shutil.rmtree(folder, ignore_errors=True)
    accepted.mkdir(parents=True, exist_ok=True)
    written = sum(pq.read_metadata(path).num_rows for path in accepted.glob("*.parquet"))
    if written != receipt.rows_accepted:
        raise RuntimeError(
            f"{receipt.feed} {receipt.dt}: {written} rows written, {receipt.rows_accepted} accepted; nothing was kept"
        )
    write_receipt(accepted, receipt)


def put_in_place(settings: Settings, workspace: Workspace, receipt: Receipt) -> None:
    """Rename quarantine first, then raw with its receipt: the second rename is the commit.

    What an ingest that was killed between the two has left in quarantine, maybe of other bytes, goes.
    """
    accepted, quarantined = workspace.partitions(receipt.dt)
    target = revision_dir(settings.quarantine_dir, receipt.feed, receipt.dt, receipt.rev)
    shutil.rmtree(target, ignore_errors=True)
    if quarantined.exists():
        _rename(quarantined, target)
    # never over a revision that is there
    _rename(accepted, revision_dir(settings.raw_dir, receipt.feed, receipt.dt, receipt.rev))


def _rename(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    source.rename(target)


def bring_to_disk(workspace: Workspace) -> None:
    """Bring everything to disk before the first rename; many at a time, since each alone waits for the disk."""
    folders = [*workspace.accepted.glob("dt=*"), *workspace.quarantined.glob("dt=*")]
    with ThreadPoolExecutor(_SYNCING) as pool:
        list(pool.map(sync, [path for folder in folders for path in (*folder.iterdir(), folder)]))
