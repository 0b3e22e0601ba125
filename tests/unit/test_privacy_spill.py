"""What does not fit into memory goes to disk encrypted, and does go there."""

from __future__ import annotations

from pathlib import Path

from orchestration.base.settings import Settings
from orchestration.base.sql import connect


def test_what_is_spilled_to_disk_is_encrypted(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, memory_limit="200MB")
    with connect(settings) as con:
        con.execute(
            "create temp table numbers as "
            "select repeat('+821012345678', 3) || range as number, uuid() as salt from range(4_000_000)"
        )
        spilled = list(settings.scratch_dir.glob("*.tmp"))
        assert spilled
        assert all(b"1012345678" not in file.read_bytes() for file in spilled)
