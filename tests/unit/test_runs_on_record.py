"""What Dagster has on record of the command's runs: whose they are, which days, how they ended."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import pytest

from orchestration import runner
from orchestration.base.settings import PROJECT, Settings
from orchestration.cli.shell import console
from orchestration.reporting.terminal.status_shown import print_generations, print_runs
from orchestration.runtime.dagster_internals import days_of, execute_as_of_location, partition_range
from orchestration.runtime.event_log import EventLog
from orchestration.runtime.instance import JOB, open_instance
from orchestration.state.runs import Run, read_runs

RUN = "3f0e0d3a-5f4e-4b5e-9a55-0d3c2f4b8a11"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, pseudonym_key="a key for tests, and for nothing else at all")  # type: ignore[arg-type]


@pytest.fixture
def instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    with open_instance(settings, is_at_terminal=True) as opened:
        yield opened


def _job(error: BaseException | None = None) -> dg.JobDefinition:
    @dg.asset(partitions_def=dg.DailyPartitionsDefinition("2026-01-01"), backfill_policy=dg.BackfillPolicy.single_run())
    def made() -> None:
        if error:
            raise error

    defs = dg.Definitions([made], jobs=[dg.define_asset_job(JOB, [made])], executor=dg.in_process_executor)
    return defs.resolve_job_def(JOB)


def test_a_run_of_the_command_is_one_of_the_code_location_for_its_days(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    result = execute_as_of_location(
        _job(), instance, PROJECT / "workspace.yaml", run_id=RUN, run_config={},
        tags=partition_range(date(2026, 1, 2), date(2026, 1, 4)),
    )  # fmt: skip
    assert result.success
    run = instance.get_run_by_id(RUN)
    assert run is not None
    assert days_of(run) == ("2026-01-02", "2026-01-04")
    # by these the UI finds the runs of a job
    assert instance.get_runs(dg.RunsFilter(job_name=JOB, tags={".dagster/repository": "__repository__@ringfence"}))
    assert instance.get_materialized_partitions(dg.AssetKey("made")) == {f"2026-01-0{day}" for day in (2, 3, 4)}
    (listed,) = read_runs(settings, 10)
    assert (listed.run_id, listed.status, listed.first_day, listed.last_day) == (
        RUN,
        "SUCCESS",
        "2026-01-02",
        "2026-01-04",
    )
    assert listed.seconds is not None


def test_an_interrupted_run_is_cancelled_and_has_not_failed(
    settings: Settings, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Assembled:
        def resolve_job_def(self, name: str) -> dg.JobDefinition:
            return _job(KeyboardInterrupt())

    monkeypatch.setattr(runner, "build_defs", lambda settings: Assembled())
    day = date(2026, 1, 2)
    assert runner._execute(settings, instance, day, day, lambda *_: None, lambda _: None) is None
    assert [run.status for run in read_runs(settings, 10)] == ["CANCELED"]


def test_the_event_log_keeps_what_dagster_reads_and_moves_the_file_that_the_ui_watches(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    assert isinstance(instance.event_log_storage, EventLog)
    run = instance.add_run(dg.DagsterRun(job_name=JOB, run_id=RUN))
    file = settings.dagster_home / "history" / "runs" / f"{RUN}.db"
    instance.report_engine_event("the first", run)
    os.utime(file, (0, 0))
    instance.report_engine_event("the second", run)
    assert file.stat().st_mtime > 0
    with open_instance(settings) as another:
        assert [entry.dagster_event.message for entry in another.all_logs(RUN) if entry.dagster_event] == [
            "the first", "the second",
        ]  # fmt: skip
        os.utime(file, (0, 0))
        another.all_logs(RUN)
        assert file.stat().st_mtime == 0, "whoever watches would read again, and for ever"


def test_a_list_of_runs_says_whose_time_it_tells(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TZ", "Asia/Seoul")
    time.tzset()
    asked_at = datetime(2026, 1, 3, 21, 5, tzinfo=UTC)
    print_runs(console(sys.stdout), [Run(RUN, "SUCCESS", "2026-01-03", "2026-01-03", asked_at, None, None, None)])
    assert "2026-01-04 06:05 KST" in capsys.readouterr().out
    monkeypatch.undo()
    time.tzset()


def test_a_list_of_nothing_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    print_runs(console(sys.stdout), [])
    print_generations(console(sys.stdout), [], None)
    assert capsys.readouterr().out == "Nothing has run yet.\nNothing has been published yet.\n"
