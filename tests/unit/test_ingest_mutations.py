"""A few hundred spoilt extracts; `tests/slow` has some thousand more."""

from __future__ import annotations

import random
from datetime import date, timedelta
from pathlib import Path

import pytest

from orchestration.ingest import ingest
from tests.support.mutation import check, spoil
from tests.support.small_site import SmallSite

FIRST = date(2025, 1, 1)


def run(root: Path, seed: int, deliveries: int) -> None:
    """Spoil and ingest a batch of deliveries; any exception is a failure."""
    print(f"seed {seed}")  # noqa: T201
    rng = random.Random(seed)
    site = SmallSite(root)
    days = [FIRST + timedelta(n) for n in range(deliveries)]
    spoilt = {dt: spoil(rng, site, site.folder(dt)) for dt in days}
    done = ingest(site.settings, site.feed, days)
    assert len(done) == deliveries
    check(site, [one.receipt for one in done], spoilt)
    again = ingest(site.settings, site.feed, days)
    assert not any(one.is_new for one in again), "the same bytes again change nothing"


@pytest.mark.parametrize("part", range(3))
def test_spoilt_extracts_end_in_a_refusal_or_in_conservation(
    tmp_path: Path, part: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    run(tmp_path, 20260103 + part, 80)
