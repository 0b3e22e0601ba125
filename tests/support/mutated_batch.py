"""Batches of spoilt deliveries among good ones, ingested as one: what must hold of each, whatever was done to it."""

from __future__ import annotations

import random
import shutil
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from orchestration.ingest import Receipt, ingest
from orchestration.ingest.arrivals import unread
from orchestration.ingest.delivery import MANIFEST, find_delivery
from orchestration.ingest.names import spelled
from orchestration.ingest.receipt import revision_dir
from tests.support.mutation import spoil
from tests.support.small_site import HEADER, SmallSite, is_conserved, line

FIRST = date(2025, 1, 1)
_GOOD_EVERY = 8  # days; the neighbours that no spoilt file may cost
_GOOD = HEADER + "".join(line(n) for n in range(3))


def run(root: Path, seed: int, files: int) -> None:
    """Spoil so many deliveries, with good ones among them, and ingest them all at once.

    Raises:
        AssertionError: a neighbour is lost, a row unexplained, a refusal without a file's name or with data in it.
        Exception: of any kind is a failure, too.
    """
    print(f"seed {seed}, {files} files")  # noqa: T201
    rng = random.Random(seed)
    site = SmallSite(root)
    spoilt: dict[date, str] = {}
    good: list[date] = []
    with duckdb.connect() as con:
        con.execute("create type enum_of_flags as enum ('Y', 'N')")
        day = FIRST
        while len(spoilt) < files:
            if (day - FIRST).days % _GOOD_EVERY == 0:
                site.drop(_GOOD, dt=day)
                good.append(day)
            else:
                spoilt[day] = spoil(con, rng, site.folder(day))
            day += timedelta(1)
    days = sorted([*spoilt, *good])
    receipts = {one.receipt.dt: one.receipt for one in ingest(site.settings, site.feed, days)}
    for day in good:
        assert (receipts[day].refusal, receipts[day].rows_accepted) == (None, 3), f"{day} was lost"
    _check(site, receipts, spoilt)
    again = ingest(site.settings, site.feed, days)
    assert not any(one.is_new for one in again), "the same bytes again change nothing"
    shutil.rmtree(root)


def _check(site: SmallSite, receipts: Mapping[date, Receipt], spoilt: Mapping[date, str]) -> None:
    """Each delivery is taken with every record accounted for, refused by a file's name, or left alone and named."""
    left_alone = "\n".join(unread(site.settings, {"charges": site.feed}, []))
    for day, what in spoilt.items():
        receipt = receipts.get(day)
        if receipt is None:
            assert find_delivery(site.settings.landing_dir, site.feed, day) is None, what
            assert f"dt={day}/" in left_alone, what
        elif receipt.refusal:
            names = [MANIFEST, *(spelled(path.name) for path in site.folder(day).iterdir())]
            named = [
                name for name in names if receipt.refusal.startswith(f"{name}: ") or f"{name}, " in receipt.refusal
            ]
            assert named, (what, receipt.refusal)
            assert "1234" not in receipt.refusal.replace(named[0], ""), (what, receipt.refusal)
            assert receipt.rows_read == 0, what
        else:
            assert is_conserved(receipt), what
            assert _rows(site.settings.raw_dir, receipt) == receipt.rows_accepted, what
            assert _rows(site.settings.quarantine_dir, receipt) == receipt.rows_quarantined, what


def _rows(room: Path, receipt: Receipt) -> int:
    """Rows in the files of a revision, by their footers."""
    folder = revision_dir(room, "charges", receipt.dt, receipt.rev)
    return sum(pq.read_metadata(path).num_rows for path in folder.glob("*.parquet"))
