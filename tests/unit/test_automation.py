"""What the schedule waits for, and what the sensor asks for: decided by content, a few times, for exactly the days."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from orchestration.automation import arrival_sensor as arrivals
from orchestration.automation.daily import MISSING, MORNING_OF, daily_schedule
from orchestration.runtime.instance import JOB
from orchestration.runtime.partitions import daily_partitions
from tests.support.clockwork import days_of
from tests.support.small_site import DAY, HEADER, SmallSite, line

SEOUL = ZoneInfo("Asia/Seoul")
NOON = datetime(2026, 1, 20, 12, tzinfo=SEOUL)


class Daemon:
    """Schedule and sensor of a small site on an instance without runs; a run that is asked for may be noted as done."""

    def __init__(self, site: SmallSite, instance: dg.DagsterInstance) -> None:
        self.site, self.instance, self.cursor = site, instance, None
        self.now = NOON
        feeds = {"charges": site.feed}

        days = daily_partitions(site.settings, date(2024, 8, 1))

        @dg.asset(partitions_def=days, backfill_policy=dg.BackfillPolicy.single_run())
        def anything() -> None: ...

        self.defs = dg.Definitions(assets=[anything], jobs=[dg.define_asset_job(JOB, [anything])])
        self.sensor = arrivals.arrivals_sensor(site.settings, feeds, lambda: self.now)
        self.schedule = daily_schedule(site.settings, feeds)

    def look(self) -> list[dg.RunRequest]:
        with dg.build_sensor_context(
            instance=self.instance, cursor=self.cursor, repository_def=self.defs.get_repository_def()
        ) as context:
            tick = self.sensor.evaluate_tick(context)
        self.cursor = tick.cursor
        return list(tick.run_requests or [])

    def asks(self) -> list[str]:
        """Days asked for, after what has just arrived was seen twice."""
        return [_days(request) for request in (*self.look(), *self.look())]

    def morning(self, hour: int, minute: int = 0) -> tuple[list[dg.RunRequest], str]:
        when = datetime(2026, 1, 4, hour, minute, tzinfo=SEOUL)
        with dg.build_schedule_context(
            instance=self.instance, scheduled_execution_time=when, repository_def=self.defs.get_repository_def()
        ) as context:
            tick = self.schedule.evaluate_tick(context)
        return list(tick.run_requests or []), tick.skip_message or ""

    def note(self, request: dg.RunRequest, status: dg.DagsterRunStatus) -> None:
        self.instance.add_run(dg.DagsterRun(job_name=JOB, tags=dict(request.tags), status=status))


def _days(request: dg.RunRequest) -> str:
    first, last = days_of(request)
    return first if first == last else f"{first} {last}"


@pytest.fixture
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    monkeypatch.setattr(arrivals, "is_latest_published", lambda *_: True)
    with dg.instance_for_test() as instance:
        yield Daemon(SmallSite(tmp_path), instance)


def test_the_schedule_waits_as_long_as_the_contract_allows_and_says_what_is_missing(daemon: Daemon) -> None:
    daemon.site.drop(HEADER + line(1), dt=DAY - timedelta(days=1))
    assert daemon.morning(8, 45) == ([], "2026-01-03: waiting for charges until 09:00.")
    ((request,), _) = daemon.morning(9)
    assert (_days(request), request.tags[MISSING]) == ("2026-01-03", "charges")
    daemon.note(request, dg.DagsterRunStatus.SUCCESS)
    assert daemon.morning(9, 15)[0] == []


def test_the_schedule_asks_as_soon_as_everything_is_there_and_the_sensor_leaves_that_to_it(daemon: Daemon) -> None:
    daemon.site.drop(HEADER + line(1))
    daemon.now = datetime(2026, 1, 4, 5, tzinfo=SEOUL)
    assert daemon.asks() == []
    ((request,), _) = daemon.morning(6)
    assert (_days(request), request.tags[MISSING], request.tags[MORNING_OF]) == ("2026-01-03", "", "2026-01-03")


def test_a_delivery_is_asked_for_once_it_has_stopped_to_grow(daemon: Daemon) -> None:
    file = daemon.site.drop(HEADER + line(1))
    assert daemon.look() == []
    file.write_text(HEADER + line(1) + line(2))
    assert daemon.look() == []
    assert [_days(request) for request in daemon.look()] == [str(DAY)]


def test_what_is_asked_for_is_content_that_was_not_ingested_whatever_its_time(daemon: Daemon) -> None:
    file = daemon.site.drop(HEADER + line(1))
    daemon.site.ingest()
    assert daemon.asks() == []
    os.utime(file, (NOON.timestamp(), NOON.timestamp()))
    assert daemon.asks() == []
    before = file.stat()
    file.write_text(HEADER + line(2))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert daemon.asks() == [str(DAY)]


def test_nothing_is_asked_for_beside_a_run_nor_more_than_a_few_times_nor_again_by_another_daemon(
    daemon: Daemon,
) -> None:
    daemon.site.drop(HEADER + line(1))
    daemon.look()
    for _ in range(arrivals.MOST_ATTEMPTS):
        (request,) = daemon.look()
        daemon.note(request, dg.DagsterRunStatus.FAILURE)
    assert daemon.look() == []
    assert Daemon(daemon.site, daemon.instance).asks() == []
    daemon.site.drop(HEADER + line(2) + line(3))
    daemon.look()
    daemon.note(dg.RunRequest(), dg.DagsterRunStatus.STARTED)
    assert daemon.look() == []


@pytest.mark.parametrize(
    ("days", "asked"),
    [
        ((3, 4, 5), ["2026-01-03 2026-01-05"]),
        ((3, 5, 6, 9), ["2026-01-03", "2026-01-05 2026-01-06", "2026-01-09"]),
        ((3, 5, 7, 9), ["2026-01-03 2026-01-09"]),
    ],
)
def test_neighbouring_days_are_one_run_and_many_scattered_ones_too(
    daemon: Daemon, days: tuple[int, ...], asked: list[str]
) -> None:
    for day in days:
        daemon.site.drop(HEADER + line(1), dt=date(2026, 1, day))
    assert daemon.asks() == asked
