"""Production keeps Dagster's records in PostgreSQL: a run, its pool, the sensor."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg2
import pytest

from orchestration.base.settings import Settings
from orchestration.state.run_report import Exit
from tests.support.clockwork import Clockwork, days_of
from tests.support.postgres import postgres_server
from tests.support.world import KEY, LAST, World


@pytest.mark.timeout(900)
def test_a_run_and_the_sensor_keep_their_records_in_postgres(
    published_world: World, copy_of: Callable[[World], World], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = copy_of(published_world)
    shutil.rmtree(world.settings.dagster_home)  # records in SQLite
    (folder,) = world.settings.landing_dir.glob(f"portability_events/dt={LAST}")
    (file,) = folder.glob("*.csv*")
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:-1]))
    (folder / "_manifest.json").unlink(missing_ok=True)
    with postgres_server() as url:
        monkeypatch.setenv("RINGFENCE_POSTGRES_URL", url)
        settings = Settings(
            home=world.settings.home, landing=world.settings.landing_dir, pseudonym_key=KEY, env="prod"  # type: ignore[arg-type]
        )  # fmt: skip
        prod = World(settings)
        clock = Clockwork(prod, datetime(2026, 1, 15, 12, tzinfo=ZoneInfo("Asia/Seoul")))
        assert not list(clock.tick_sensor())
        (request,) = clock.tick_sensor()
        assert days_of(request) == (str(LAST), str(LAST))
        assert prod.run(LAST, LAST).exit_code is Exit.PUBLISHED
        assert not list(clock.tick_sensor())
        with psycopg2.connect(url) as con, con.cursor() as cursor:
            cursor.execute("select status from runs")
            assert cursor.fetchall() == [("SUCCESS",)]
            cursor.execute("select count(*) from event_logs where asset_key = %s", ['["serving", "publication"]'])
            assert cursor.fetchone() != (0,)
        assert not list(settings.dagster_home.glob("**/runs.db"))
    configuration = (settings.dagster_home / "dagster.yaml").read_text("utf-8")
    assert "postgres" in configuration
    assert url not in configuration


def test_an_environment_that_nobody_knows_or_that_lacks_its_storage_ends_the_command(tmp_path: Path) -> None:
    for environment, said in (
        ({"RINGFENCE_ENV": "production"}, "RINGFENCE_ENV: Input should be 'dev', 'staging' or 'prod'"),
        ({"RINGFENCE_ENV": "prod"}, "RINGFENCE_POSTGRES_URL is not set"),
    ):
        command = [str(Path(sys.executable).with_name("ringfence")), "status"]
        done = subprocess.run(
            command, env={"RINGFENCE_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"} | environment,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 1
        assert said in done.stderr
