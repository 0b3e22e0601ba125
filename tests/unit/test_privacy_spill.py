"""What does not fit into memory goes to disk encrypted, and does go there."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from orchestration.base import sql
from orchestration.base.settings import Settings
from orchestration.base.sql import connect, literal


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


def test_no_connection_loads_an_extension_that_duckdb_has_not_signed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed = Path(sql._openssl())
    changed = tmp_path / "another.duckdb_extension"
    changed.write_bytes(signed.read_bytes()[:-1] + b"!")
    settings = Settings(home=tmp_path)
    for database in (sql.IN_MEMORY, str(tmp_path / "file.duckdb")):
        with connect(settings, database) as con:
            with pytest.raises(duckdb.IOException, match="signature"):
                con.execute(f"load {literal(str(changed))}")
            with pytest.raises(duckdb.InvalidInputException):
                con.execute("set allow_unsigned_extensions = true")
        with monkeypatch.context() as patched, pytest.raises(duckdb.IOException, match="signature"):
            patched.setattr(sql, "_openssl", lambda: str(changed))
            connect(settings, database)
