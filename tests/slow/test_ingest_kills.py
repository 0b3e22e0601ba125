"""Two hundred kills of ingest, and ten thousand spoilt files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.killing import random_kills
from tests.support.mutated_batch import run

_PARTS, _BATCHES, _FILES = 10, 13, 78  # a batch of ingest is 90 deliveries, one in eight of them a good one


@pytest.mark.timeout(3600)
def test_two_hundred_killed_ingests_are_made_good(tmp_path: Path) -> None:
    random_kills(tmp_path, seed=20260104, kills=200)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", range(_PARTS))
def test_ten_thousand_spoilt_files_cost_no_other_day_and_no_row(
    tmp_path: Path, part: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    for batch in range(_BATCHES):
        run(tmp_path / f"batch-{batch}", 1_000 * part + batch, _FILES)
