"""What runs the models: DuckDB, or Apache Spark on one machine or many. The one place where it is chosen.

Whatever runs them, `warehouse.duckdb` is what gates, publication, reports and everybody else read, and what says which
deliveries its relations hold. DuckDB keeps the rows in it, Spark in Parquet beside it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import duckdb

from orchestration.base.settings import Settings
from orchestration.gates.changed import Touched, check_changed
from orchestration.gates.outcome import Outcome
from orchestration.gates.suites import Suite

#: Judges a relation by a suite; with the rows that were touched, if all others have passed row by row.
Check = Callable[[Suite, str, Touched | None], list[Outcome]]
#: Does a command in dbt's process.
Run = Callable[[Sequence[str]], object]
Say = Callable[[str], None]


class Engine(Protocol):
    """What dbt needs of an engine, and what the engine has to do around each of its builds."""

    def environment(self) -> Mapping[str, str]:
        """What dbt's profile and macros have to know beside what they know of every engine."""

    def begin(self, manifest: Mapping[str, Any]) -> None:
        """Show the engine what the warehouse holds, before dbt begins."""

    def end(self, manifest: Mapping[str, Any], results: Mapping[str, Any], environment: Mapping[str, str]) -> None:
        """Let the warehouse show what dbt has built, by its `run_results.json`, as one change."""

    def compiled_dir(self, of_dbt: Path) -> Path:
        """Where the models lie that were built, in DuckDB's words; laid out as dbt lays out its own folder."""

    def keep(self) -> AbstractContextManager[object]:
        """Have what a copy of the warehouse's file shows stay for as long as that is read.

        Raises:
            BlockingIOError: if somebody is changing it.
        """

    def gates(self, con: duckdb.DuckDBPyConnection, manifest: Mapping[str, Any], run: Run, say: Say) -> Check:
        """What judges the warehouse's relations; `run` does a command in dbt's process, `say` tells of the unusual."""


class DuckDB:
    """The warehouse's own file: there is nothing to do."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def environment(self) -> Mapping[str, str]:
        return {}

    def begin(self, manifest: Mapping[str, Any]) -> None:
        """Nothing."""

    def end(self, manifest: Mapping[str, Any], results: Mapping[str, Any], environment: Mapping[str, str]) -> None:
        """Nothing."""

    def compiled_dir(self, of_dbt: Path) -> Path:
        return of_dbt

    def keep(self) -> AbstractContextManager[object]:
        return nullcontext()  # the copy has its rows

    def gates(self, con: duckdb.DuckDBPyConnection, manifest: Mapping[str, Any], run: Run, say: Say) -> Check:
        return partial(check_changed, con, self._settings)


def built_by(settings: Settings) -> str:
    """The engine whose rows the warehouse shows."""
    mark = _mark(settings)
    return mark.read_text("utf-8").strip() if mark.exists() else "duckdb"


def not_rewritten(settings: Settings) -> list[Path]:
    """What another engine than DuckDB has made of raw, and nobody but it can rewrite.

    Whoever changes pseudonyms in raw removes it, and the next run builds it anew.
    """
    made = (settings.warehouse, settings.spark_dir) if built_by(settings) != "duckdb" else ()
    return [path for path in made if path.exists()]


def take_over(settings: Settings) -> str | None:
    """Where another engine has built the warehouse, begin anew: raw has everything. Says so; else nothing."""
    before = built_by(settings)
    if before == settings.engine:
        return None
    is_there = settings.warehouse.exists()
    for path in (settings.warehouse, settings.warehouse.with_name(f"{settings.warehouse.name}.wal")):
        path.unlink(missing_ok=True)
    shutil.rmtree(settings.spark_dir, ignore_errors=True)
    _mark(settings).write_text(settings.engine, "utf-8")
    return f"the warehouse was built by {before}: {settings.engine} builds everything anew" if is_there else None


def _mark(settings: Settings) -> Path:
    return settings.home / "engine.txt"


def engine_of(settings: Settings) -> Engine:
    """The engine that the settings name."""
    if settings.engine == "duckdb":
        return DuckDB(settings)
    from orchestration.warehouse.spark import Spark

    return Spark(settings)
