"""The same world on DuckDB and on Apache Spark: every table and everything published is the same, row by row.

`make test-spark` runs it, in an environment of its own. One world grows from test to test, in the order of this file.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from orchestration.base.settings import Settings
from orchestration.base.sql import connect
from orchestration.simulator import simulate
from orchestration.state.run_report import Exit
from orchestration.warehouse import dbt_session
from orchestration.warehouse.due import existing
from tests.support.killed_runs import published, redeliver
from tests.support.world import FIRST, KEY, LAST, World

pytest.importorskip("pyspark", reason="pyspark is not installed: make test-spark")

#: What says how rows came to be, and not what they are.
_OF_THE_RUN = {"made_of", "wanted", "duration", "held_by_spark", "offered"}
_RUN = """
from pathlib import Path
from orchestration.base.settings import Settings
from tests.support.world import KEY, World
if __name__ == "__main__":
    World(Settings(home=Path({home!r}), landing=Path({landing!r}), pseudonym_key=KEY, engine="spark")).run()
"""


@dataclass(frozen=True)
class Two:
    """One world on both engines."""

    duckdb: World
    spark: World

    def run(self, first: date, last: date) -> tuple[Exit, Exit]:
        """Run both; a dbt process at a time."""
        found = []
        for world in (self.duckdb, self.spark):
            found.append(world.run(first, last).exit_code)
            dbt_session.end()
        return found[0], found[1]


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    folder = tmp_path_factory.mktemp("engines")
    simulate(
        folder / "duckdb" / "landing", panel=0.0005, first_day=FIRST, last_day=LAST, history_from=date(2025, 11, 15)
    )
    shutil.copytree(folder / "duckdb" / "landing", folder / "spark" / "landing")
    yield Two(
        *(
            World(Settings(home=at / "home", landing=at / "landing", pseudonym_key=KEY, engine=at.name))  # type: ignore[arg-type]
            for at in (folder / "duckdb", folder / "spark")
        )
    )
    dbt_session.end()


def _rows(world: World) -> dict[str, tuple[object, ...]]:
    """Of each relation of the warehouse its columns, its rows, and their checksum to nine digits."""
    found: dict[str, tuple[object, ...]] = {}
    with connect(world.settings, str(world.settings.warehouse), read_only=True) as con:
        for relation in sorted(existing(con)):
            schema, name = relation.split(".")
            if schema == "raw" or name in _OF_THE_RUN or name.endswith("__touched") or name == "readable_delivery":
                continue
            columns = con.execute(f"select column_name, column_type from (describe {relation})").fetchall()
            values = ", ".join(
                f"printf('%.9g', \"{column}\")" if type_ == "DOUBLE" else f'"{column}"' for column, type_ in columns
            )
            rows = con.execute(f"select count(*), sum(hash({values})::hugeint) from {relation}").fetchone()
            found[relation] = (columns, rows)
    return found


def _stored(world: World) -> dict[str, tuple[object, ...]]:
    """The same of what Spark has built; a view of raw shows what ingest has taken in since."""
    with connect(world.settings, str(world.settings.warehouse), read_only=True) as con:
        built = con.execute("select relation from pipeline.held_by_spark where folder is not null").fetchall()
    return {relation: rows for relation, rows in _rows(world).items() if (relation,) in built}


def _differing(two: Two) -> list[str]:
    ours, theirs = _rows(two.duckdb), _rows(two.spark)
    return [name for name in sorted(ours.keys() | theirs.keys()) if ours.get(name) != theirs.get(name)]


def _differing_publication(two: Two) -> list[str]:
    ours, theirs = published(two.duckdb.settings), published(two.spark.settings)
    return [name for name in sorted(ours.keys() | theirs.keys()) if ours.get(name) != theirs.get(name)]


def test_a_first_build_publishes_the_same_on_both_engines(two: Two) -> None:
    assert two.run(FIRST, LAST - timedelta(2)) == (Exit.PUBLISHED, Exit.PUBLISHED), two.spark.report
    assert len(_rows(two.spark)) > 150
    assert not _differing(two)
    assert not _differing_publication(two)


def test_a_run_that_is_killed_leaves_the_warehouse_as_it_was(two: Two) -> None:
    for world in (two.duckdb, two.spark):
        redeliver(world)
    before = _stored(two.spark)
    assert len(before) > 100
    settings = two.spark.settings
    tables = settings.spark_dir / "tables"
    were = set(tables.iterdir())
    script = settings.home.parent / "killed.py"
    script.write_text(_RUN.format(home=str(settings.home), landing=str(settings.landing_dir)), "utf-8")
    with subprocess.Popen([sys.executable, str(script)], env=_environment()) as process:
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline and process.poll() is None:
            if any(len([*path.iterdir()]) > 3 for path in set(tables.iterdir()) - were):
                break
            time.sleep(0.2)
        assert process.poll() is None, "it ended before it could be killed"
        process.send_signal(signal.SIGKILL)
    _until_free(settings.warehouse)
    assert _stored(two.spark) == before


def test_two_more_days_and_a_correction_after_it_are_the_same_on_both_engines(two: Two) -> None:
    assert two.run(FIRST, LAST) == (Exit.PUBLISHED, Exit.PUBLISHED), two.spark.report
    assert not _differing(two)
    assert not _differing_publication(two)
    with connect(two.spark.settings, str(two.spark.settings.warehouse), read_only=True) as con:
        was_whole = dict(con.execute("select model, was_whole from pipeline.made_of").fetchall())
    assert not was_whole["fct_port"], "what is incremental was built by what was touched"


def test_what_a_gate_holds_back_stays_as_it_was_on_both_engines(two: Two) -> None:
    for world in (two.duckdb, two.spark):
        folder = world.settings.landing_dir / "payments" / f"dt={LAST}"
        (folder / "_manifest.json").unlink(missing_ok=True)
        (file,) = folder.glob("*.csv")
        file.write_text(file.read_text("utf-8-sig").replace("merchant_id", "shop", 1), "utf-8")
    assert two.run(LAST, LAST) == (Exit.HELD_BACK, Exit.HELD_BACK), two.spark.report
    assert two.duckdb.report and two.spark.report
    held = [world.report.publication.held_back for world in (two.duckdb, two.spark)]  # type: ignore[union-attr]
    assert held[0] == held[1]
    assert "fraud.alert" in held[0]
    assert not _differing_publication(two)


def _environment() -> dict[str, str]:
    import os

    root = str(Path(__file__).parents[2])
    return {**os.environ, "RINGFENCE_CONFIG": "none", "PYTHONPATH": root}


def _until_free(warehouse: Path) -> None:
    """Wait for the dbt whose parent was killed: it lets go of the lock when it has noticed."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            duckdb.connect(str(warehouse), read_only=True).close()
        except duckdb.IOException:
            time.sleep(0.5)
        else:
            return
