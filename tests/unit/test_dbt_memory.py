"""What becomes of a build in which a node has not enough memory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from orchestration.base.settings import Settings
from orchestration.warehouse import dbt

SHORT = "Runtime Error in model lines\n  Out of Memory Error: could not allocate block (5.5 GiB/5.5 GiB used)"


def _entry(unique_id: str, status: str, message: str = "") -> dict[str, Any]:
    return {
        "unique_id": unique_id, "status": status, "message": message, "failures": 0, "execution_time": 1.0,
        "compiled_code": "",
    }  # fmt: skip


def _dbt(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, *answers: Sequence[dict[str, Any]]
) -> list[Sequence[str]]:
    """Have dbt find these results, one list a command; gives the commands that it got."""
    asked: list[Sequence[str]] = []

    def run(of: Settings, arguments: Sequence[str], *more: object) -> Iterator[dict[str, str]]:
        results = answers[len(asked)]
        asked.append([*arguments, of.memory_limit])
        (dbt.target_dir(settings) / "run_results.json").write_text(json.dumps({"results": results}), "utf-8")
        yield from ({"node": entry["unique_id"], "status": entry["status"]} for entry in results)

    monkeypatch.setattr(dbt, "run", run)
    monkeypatch.setattr(dbt, "manifest", lambda _: {})
    return asked


def test_what_found_too_little_memory_is_built_again_by_itself_with_a_half_of_it_and_so_is_what_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path, memory_limit="5 GiB")
    built, failed = _entry("model.ringfence.ports", "success"), _entry("test.ringfence.adds_up.12ab", "fail")
    asked = _dbt(
        monkeypatch, settings,
        [built, failed, _entry("model.ringfence.lines", "error", SHORT), _entry("model.ringfence.churn", "skipped")],
        [failed, _entry("model.ringfence.lines", "success"), _entry("model.ringfence.churn", "success")],
    )  # fmt: skip
    results = dbt.build(settings, select=["tag:marts"], full_refresh=True)
    assert {result.unique_id.split(".")[2]: result.status for result in results} == {
        "ports": "success", "adds_up": "fail", "lines": "success", "churn": "success",
    }  # fmt: skip
    again = asked[1]
    assert again[again.index("--select") + 1 :] == ["adds_up", "lines", "churn", "2.5 GiB"]
    assert again[again.index("--threads") + 1] == "1"
    assert "--full-refresh" in again


def test_what_finds_too_little_memory_by_itself_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, short = Settings(home=tmp_path), [_entry("model.ringfence.lines", "error", SHORT)]
    asked = _dbt(monkeypatch, settings, short, short)
    with pytest.raises(dbt.DbtError, match="Out of Memory"):
        dbt.build(settings, select=["lines"])
    assert len(asked) == 2


def test_another_error_is_not_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(home=tmp_path)
    asked = _dbt(monkeypatch, settings, [_entry("model.ringfence.lines", "error", "Binder Error: no such column")])
    with pytest.raises(dbt.DbtError, match="Binder Error"):
        dbt.build(settings, select=["lines"])
    assert len(asked) == 1
