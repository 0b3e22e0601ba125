"""The same world on DuckDB and on Apache Spark: every table and everything published is the same, row by row.

`make test-spark` runs it, in an environment of its own. One world grows from test to test, in the order of this file;
DuckDB goes its way beside. Spark's process stays: what it costs is to get going.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import duckdb
import pytest

from orchestration.base.settings import Settings
from orchestration.base.sql import connect
from orchestration.ingest.known_since import PASSED
from orchestration.rules.backtest import Backtest, backtest
from orchestration.simulator import simulate
from orchestration.state.run_report import Exit
from orchestration.warehouse import dbt_session
from orchestration.warehouse.lineage_file import load_lineage
from tests.support.compared import Relations, differing, relations
from tests.support.killed_runs import State, published, redeliver
from tests.support.world import FIRST, KEY, LAST, World

pytest.importorskip("pyspark", reason="pyspark is not installed: make test-spark")
pytestmark = pytest.mark.timeout(1800)  # of a machine that does other things, too

_MEMORY = "2GB"
_ARRIVED = datetime(2026, 1, 16, tzinfo=UTC).timestamp()
#: One that lives for minutes has no time for its second compiler; without that, room for code would be a fifth.
_JAVA = "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m -XX:+UseSerialGC"
#: Of few rows: to plan a query again, to compile it and to spell its plan takes longer than to run it.
_SPARK = """
spark.sql.adaptive.enabled false
spark.sql.codegen.wholeStage false
spark.sql.codegen.factoryMode NO_CODEGEN
spark.sql.ui.explainMode simple
spark.sql.maxPlanStringLength 1000
"""
_RUN = """
from pathlib import Path
from orchestration.base.settings import Settings
from tests.support.world import FIRST, KEY, LAST, World
if __name__ == "__main__":
    settings = Settings(
        home=Path({home!r}), landing=Path({landing!r}), pseudonym_key=KEY, engine="spark", memory_limit={memory!r}
    )
    World(settings).run(FIRST, LAST)
"""


@dataclass(frozen=True)
class Seen:
    """What a run has left."""

    exit_code: Exit
    errors: list[str]
    relations: Relations
    publication: State
    held_back: Mapping[str, list[str]]
    sources: Mapping[str, object]


def _run(world: World, first: date, last: date) -> Seen:
    os.environ.pop("PYTEST_CURRENT_TEST", None)  # dbt's process is begun anew where its environment is another
    report = world.run(first, last)
    sources = {model: read["columns"] for model, read in load_lineage(world.settings).items()}
    held_back = report.publication.held_back if report.publication else {}
    return Seen(
        report.exit_code, report.errors, relations(world), published(world.settings), held_back, sources
    )  # fmt: skip


def _first_days(world: World) -> Seen:
    return _run(world, FIRST, LAST - timedelta(2))


def _two_more_days_and_a_correction(world: World) -> Seen:
    began = time.time()
    redeliver(world, LAST - timedelta(2))
    _arrive(world, began)
    return _run(world, FIRST, LAST)


def _a_delivery_without_a_column(world: World) -> Seen:
    began = time.time()
    folder = world.settings.landing_dir / "payments" / f"dt={LAST}"
    (folder / "_manifest.json").unlink(missing_ok=True)
    (file,) = folder.glob("*.csv")
    text = file.read_text("utf-8-sig")
    file.unlink()
    file.write_text(text.replace("merchant_id", "shop", 1), "utf-8")
    _arrive(world, began)
    return _run(world, LAST, LAST)


def _arrive(world: World, began: float) -> None:
    """Let what has been written since arrive at the same instant on both engines, which publish at different ones.

    What has not come by the time that its day is published counts as come when it is seen; so nothing was published.
    """
    (world.settings.serving_dir / PASSED).unlink(missing_ok=True)
    for path in world.settings.landing_dir.rglob("*.csv"):
        if path.stat().st_mtime > began - 1:
            os.utime(path, (_ARRIVED, _ARRIVED))


def _rules_tried(world: World) -> Backtest:
    changes = world.settings.home.parent / "changes.csv"
    changes.write_text("rule_id,points,alert_threshold\n,,60\nCASH_LIKE,0,\n", "utf-8")
    return backtest(world.settings, changes)


STEPS: tuple[Callable[[World], object], ...] = (
    _first_days, _two_more_days_and_a_correction, _a_delivery_without_a_column, _rules_tried,
)  # fmt: skip


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dirty extracts of some days, in which every tenth number ports."""
    folder = tmp_path_factory.mktemp("extracts")
    simulate(folder, panel=0.0005, first_day=FIRST, last_day=LAST, history_from=date(2025, 11, 15))
    for delivery in (folder / "portability_events").iterdir():
        (delivery / "_manifest.json").unlink(missing_ok=True)
        for path in delivery.iterdir():
            (_thin_history if path.suffix == ".parquet" else _thin)(path)
    return folder


#: What each step leaves on DuckDB, once it has ended there.
OnDuckDB = Mapping[Callable[[World], object], "Future[Any]"]


@pytest.fixture(scope="module")
def on_duckdb(tmp_path_factory: pytest.TempPathFactory, landing: Path) -> Iterator[OnDuckDB]:
    """It goes its way beside Spark, in a process of its own."""
    world = _world(tmp_path_factory.mktemp("duckdb"), landing, "duckdb")
    with ProcessPoolExecutor(1, multiprocessing.get_context("forkserver")) as pool:
        yield {step: pool.submit(step, world) for step in STEPS}


@pytest.fixture(scope="module")
def on_spark(tmp_path_factory: pytest.TempPathFactory, landing: Path, on_duckdb: OnDuckDB) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("spark")
    (folder / "spark-defaults.conf").write_text(_SPARK, "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JDK_JAVA_OPTIONS", _JAVA)
        patch.setenv("SPARK_CONF_DIR", str(folder))
        yield _world(folder, landing, "spark")
        dbt_session.end()


def _world(folder: Path, landing: Path, engine: Literal["duckdb", "spark"]) -> World:
    """An installation with extracts of its own."""
    own = shutil.copytree(landing, folder / "landing")
    return World(
        Settings(home=folder / "home", landing=own, pseudonym_key=KEY, engine=engine, memory_limit=_MEMORY)  # type: ignore[arg-type]
    )


def _thin(path: Path) -> None:
    header, *rows = path.read_bytes().splitlines(keepends=True)
    kept = [row for row in rows if re.sub(rb"\D", b"", b",".join(row.split(b",")[2:3])).endswith(b"7")]
    path.write_bytes(b"".join([header, *kept]))


def _thin_history(path: Path) -> None:
    thinned = path.with_suffix(".thinned")
    rows = f"select * from read_parquet('{path}', hive_partitioning = false) where msisdn like '%7'"
    duckdb.execute(f"copy ({rows}) to '{thinned}' (format parquet)")
    thinned.replace(path)


def _stored(world: World) -> Relations:
    """What Spark has built; a view of raw shows what ingest has taken in since."""
    with connect(world.settings, str(world.settings.warehouse), read_only=True) as con:
        built = con.execute("select relation from pipeline.held_by_spark where folder is not null").fetchall()
    return {relation: rows for relation, rows in relations(world).items() if (relation,) in built}


def _check(seen: Seen, expected: Seen, exit_code: Exit) -> None:
    assert (seen.exit_code, expected.exit_code) == (exit_code, exit_code), (seen.errors, expected.errors)
    assert not differing(expected.relations, seen.relations)
    assert not differing(expected.publication, seen.publication)
    assert seen.held_back == expected.held_back


def test_a_first_build_publishes_the_same_on_both_engines(on_spark: World, on_duckdb: OnDuckDB) -> None:
    seen, expected = _first_days(on_spark), on_duckdb[_first_days].result()
    assert len(seen.relations) > 150
    _check(seen, expected, Exit.PUBLISHED)
    assert not differing(expected.sources, seen.sources)


def test_a_run_that_is_killed_leaves_the_warehouse_as_it_was(on_spark: World) -> None:
    before = _stored(on_spark)
    assert len(before) > 100
    settings = on_spark.settings
    tables = settings.spark_dir / "tables"
    were = set(tables.iterdir())
    script = settings.home.parent / "killed.py"
    said = {"home": str(settings.home), "landing": str(settings.landing_dir), "memory": _MEMORY}
    script.write_text(_RUN.format(**said), "utf-8")
    with subprocess.Popen([sys.executable, str(script)], env=_environment()) as process:
        deadline = time.monotonic() + 600
        while time.monotonic() < deadline and process.poll() is None:
            if any(len([*path.iterdir()]) > 3 for path in set(tables.iterdir()) - were):
                break
            time.sleep(0.2)
        assert process.poll() is None, "it ended before it could be killed"
        process.send_signal(signal.SIGKILL)
    _until_free(settings.warehouse)
    assert _stored(on_spark) == before


def test_two_more_days_and_a_correction_after_it_are_the_same_on_both_engines(
    on_spark: World, on_duckdb: OnDuckDB
) -> None:
    seen, expected = _two_more_days_and_a_correction(on_spark), on_duckdb[_two_more_days_and_a_correction].result()
    _check(seen, expected, Exit.PUBLISHED)
    assert differing(on_duckdb[_first_days].result().relations, expected.relations)
    with connect(on_spark.settings, str(on_spark.settings.warehouse), read_only=True) as con:
        was_whole = dict(con.execute("select model, was_whole from pipeline.made_of").fetchall())
        corrected = con.execute("select feed from raw.revision where rev > 1 order by 1").fetchall()
    assert not was_whole["fct_port"], "what is incremental was built by what was touched"
    assert {("payments",), ("portability_events",), ("subscriptions",)} <= set(corrected)


def test_what_a_gate_holds_back_stays_as_it_was_on_both_engines(on_spark: World, on_duckdb: OnDuckDB) -> None:
    seen, expected = _a_delivery_without_a_column(on_spark), on_duckdb[_a_delivery_without_a_column].result()
    _check(seen, expected, Exit.HELD_BACK)
    assert "fraud.alert" in seen.held_back


def test_rules_that_are_tried_find_the_same_on_both_engines_and_change_nothing(
    on_spark: World, on_duckdb: OnDuckDB
) -> None:
    before = relations(on_spark)
    tried = _rules_tried(on_spark)
    assert tried == on_duckdb[_rules_tried].result()
    assert sum(tried.gained.values()) > 0
    assert not differing(before, relations(on_spark))


def _environment() -> dict[str, str]:
    return {**os.environ, "RINGFENCE_CONFIG": "none", "PYTHONPATH": str(Path(__file__).parents[2])}


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
