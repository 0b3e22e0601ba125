"""A hundred and some spoilt deliveries; `tests/slow` has more than ten thousand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.mutated_batch import run


@pytest.mark.parametrize("part", range(2))
def test_a_spoilt_delivery_is_refused_or_every_row_of_it_explained_and_no_other_day_is_lost(
    tmp_path: Path, part: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    run(tmp_path / "world", 20260103 + part, 75)
