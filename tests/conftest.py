"""One small shared world, simulated, ingested, built and published once per test session."""

from __future__ import annotations

import os
import pickle
import shutil
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from filelock import FileLock

from orchestration.base.settings import Settings
from orchestration.simulator import simulate
from tests.support.parsed import know_the_project
from tests.support.world import FIRST, KEY, LAST, World

os.environ["RINGFENCE_CONFIG"] = "none"  # what `make demo` wrote into the project's folder is not the tests'
#: What dbt gives up and a model or macro uses is an error in every dbt that a test starts.
WARN_ERROR = "DBT_WARN_ERROR_OPTIONS"
os.environ[WARN_ERROR] = '{"error": ["Deprecations"]}'


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
            know_the_project(world.settings)
            done.write_bytes(pickle.dumps(world.run()))
    world.report = pickle.loads(done.read_bytes())
    return world


@pytest.fixture
def new_world(tmp_path: Path) -> Callable[..., World]:
    """An empty installation, for a test that brings its own extracts or settings."""

    def make(**settings: object) -> World:
        world = World(Settings(home=tmp_path / "home", pseudonym_key=KEY, **settings))  # type: ignore[arg-type]
        know_the_project(world.settings)
        return world

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
    for name in [name for name in os.environ if name.startswith(("RINGFENCE_", "DAGSTER_", "DBT_"))]:
        if name != WARN_ERROR:
            monkeypatch.delenv(name)
    monkeypatch.setenv("RINGFENCE_CONFIG", "none")
    yield
