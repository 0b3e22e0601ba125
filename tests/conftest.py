"""One small shared world, simulated, ingested, built and published once per test session."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import pytest
from filelock import FileLock

from orchestration.contracts import Feed, load_feeds
from orchestration.run_report import RunReport
from orchestration.runner import run
from orchestration.settings import Settings
from orchestration.simulator import simulate

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

    def query(self, sql: str, file: str = "marts.duckdb") -> list[tuple[object, ...]]:
        """Rows of the published file, read as a BI tool reads it."""
        path = self.settings.serving_dir / "current" / file
        with duckdb.connect(str(path), read_only=True) as con:
            return con.execute(sql).fetchall()


@pytest.fixture(scope="session")
def published_world(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> World:
    """The shared world after one run over all its days; tests only read it.

    Test processes share it: the first that needs it builds it, the others wait.
    """
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "published-world"
    world = World(Settings(home=folder / "home", landing=folder / "extracts", pseudonym_key=KEY))
    done = folder / "report.pickle"
    with FileLock(f"{folder}.lock"):
        if not done.exists():
            # dirty sample extracts around the waiver
            simulate(
                world.settings.landing_dir,
                panel=0.0005,
                first_day=FIRST,
                last_day=LAST,
                history_from=date(2025, 11, 15),
            )
            done.write_bytes(pickle.dumps(world.run()))
    world.report = pickle.loads(done.read_bytes())
    return world


@pytest.fixture
def new_world(tmp_path: Path) -> Callable[..., World]:
    """An empty installation, for a test that brings its own extracts or settings."""

    def make(**settings: object) -> World:
        return World(Settings(home=tmp_path / "home", pseudonym_key=KEY, **settings))  # type: ignore[arg-type]

    return make


@pytest.fixture
def copy_of(tmp_path: Path) -> Callable[..., World]:
    """A copy of a world that a test may break; its extracts are links and must be replaced, not written to."""

    def copy(world: World, name: str = "") -> World:
        home, landing = tmp_path / name / "home", tmp_path / name / "landing"
        shutil.copytree(world.settings.home, home, symlinks=True)
        shutil.copytree(world.settings.landing_dir, landing)
        return World(Settings(home=home, landing=landing, pseudonym_key=KEY))

    return copy


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No setting of the machine reaches a test."""
    import os

    for name in [name for name in os.environ if name.startswith(("RINGFENCE_", "DAGSTER_", "DBT_"))]:
        monkeypatch.delenv(name)
    yield
