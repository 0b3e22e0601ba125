"""dbt's manifest: what dbt remembers of an earlier project does not stop the one that is there now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from orchestration.base.settings import Settings
from orchestration.warehouse import dbt

WHOLE = "--no-partial-parse"


def test_what_cannot_be_parsed_by_what_has_changed_is_parsed_whole_and_only_then_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Sequence[str]] = []
    is_wrong = False

    def run(settings: Settings, arguments: Sequence[str]) -> Iterator[dict[str, Any]]:
        asked.append(arguments)
        if is_wrong or WHOLE not in arguments:
            raise dbt.DbtError("dbt found two unit_tests with the name of one that an upgrade moved")
        (dbt.target_dir(settings) / "manifest.json").write_text('{"nodes": {}}', "utf-8")
        yield from ()

    monkeypatch.setattr(dbt, "run", run)
    assert dbt.manifest(Settings(home=tmp_path / "moved")) == {"nodes": {}}
    assert [WHOLE in arguments for arguments in asked] == [False, True]
    is_wrong = True
    with pytest.raises(dbt.DbtError):
        dbt.manifest(Settings(home=tmp_path / "wrong"))


def test_a_build_that_was_killed_while_it_wrote_its_manifest_stops_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path)
    dbts_own = dbt.target_dir(settings) / "manifest.json"

    def parse(settings: Settings, arguments: Sequence[str]) -> Iterator[dict[str, Any]]:
        dbts_own.write_text('{"nodes": {}}', "utf-8")
        yield from ()

    monkeypatch.setattr(dbt, "run", parse)
    dbt.manifest(settings)
    dbts_own.write_text('{"nod', "utf-8")
    dbt._manifest.cache_clear()  # as in the next process
    assert dbt.manifest(settings) == {"nodes": {}}
