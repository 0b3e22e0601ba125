"""An installation of its own: settings, the main job, and what it published."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import duckdb
import pytest

from orchestration.base.settings import Settings
from orchestration.contracts import Feed, load_feeds
from orchestration.runner import run
from orchestration.state.run_report import RunReport

KEY = "a key for tests, and for nothing else at all"
FIRST, LAST = date(2025, 12, 27), date(2026, 1, 14)


@dataclass
class World:
    """An installation of its own, with what it took to run it."""

    settings: Settings
    report: RunReport | None = None

    @property
    def feeds(self) -> dict[str, Feed]:
        return load_feeds(self.settings)

    def run(self, first: date = FIRST, last: date = LAST) -> RunReport:
        self.report = run(self.settings, self.feeds, first, last, lambda step, message, has_ended: None)
        return self.report

    def as_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let commands find it."""
        monkeypatch.setenv("RINGFENCE_HOME", str(self.settings.home))
        monkeypatch.setenv("RINGFENCE_LANDING", str(self.settings.landing_dir))
        monkeypatch.setenv("RINGFENCE_PSEUDONYM_KEY", KEY)
        monkeypatch.setenv("RINGFENCE_VIEW", self.settings.view)

    def query(self, sql: str, file: str = "marts.duckdb") -> list[tuple[object, ...]]:
        """Rows of the published file, read as a BI tool reads it."""
        path = self.settings.serving_dir / "current" / file
        with duckdb.connect(str(path), read_only=True) as con:
            return con.execute(sql).fetchall()
