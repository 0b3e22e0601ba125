"""dbt's manifest: what dbt remembers of an earlier project does not stop the one that is there now."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from orchestration.base.files import locked
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


def test_a_half_of_a_manifest_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(home=tmp_path)
    texts = iter(['{"nod', '{"nodes": {}}'])  # first as another process has it while it writes

    def parse(settings: Settings, arguments: Sequence[str]) -> Iterator[dict[str, Any]]:
        (dbt.target_dir(settings) / "manifest.json").write_text(next(texts), "utf-8")
        yield from ()

    monkeypatch.setattr(dbt, "run", parse)
    with pytest.raises(ValueError, match="Unterminated"):
        dbt.manifest(settings)
    assert dbt.manifest(settings) == {"nodes": {}}


def test_of_two_that_ask_for_what_is_not_parsed_yet_one_parses_and_the_other_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, asked, both_ask = Settings(home=tmp_path), list[Sequence[str]](), threading.Event()

    def parse(settings: Settings, arguments: Sequence[str]) -> Iterator[dict[str, Any]]:
        asked.append(arguments)
        both_ask.wait(30) if len(asked) == 1 else both_ask.set()
        (dbt.target_dir(settings) / "manifest.json").write_text('{"nodes": {}}', "utf-8")
        yield from ()

    def waiting(path: Path) -> AbstractContextManager[int]:
        both_ask.set() if asked else None
        return locked(path)

    monkeypatch.setattr(dbt, "run", parse)
    monkeypatch.setattr(dbt, "locked", waiting, raising=False)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(dbt.manifest, settings)
        while not asked:
            time.sleep(0.01)
        second = pool.submit(dbt.manifest, settings)
        assert first.result() == second.result() == {"nodes": {}}
    assert len(asked) == 1
