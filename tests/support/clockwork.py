"""Time for tests: the schedule and the sensor, looked at as Dagster's daemon does, at any pace, on a real instance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import dagster as dg

from orchestration.automation.arrival_sensor import arrivals_sensor
from orchestration.automation.daily import daily_schedule
from orchestration.definitions import build_defs
from orchestration.runtime.instance import JOB, open_instance
from tests.support.world import World

SCHEDULE_EVERY = timedelta(minutes=15)


def days_of(request: dg.RunRequest) -> tuple[str, str]:
    """The first and the last day that is asked for."""
    span = request.partition_key_range
    assert span is not None
    return span.start, span.end


@dataclass
class Clockwork:
    """A daemon whose time stands still unless told to go on; `asked` are the requests, `said` why there was none."""

    world: World
    now: datetime
    cursor: str | None = None
    asked: list[tuple[str, dg.RunRequest]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        settings, feeds = self.world.settings, self.world.feeds
        self._defs = build_defs(settings=settings)
        self._sensor = arrivals_sensor(settings, feeds, lambda: self.now)
        self._schedule = daily_schedule(settings, feeds)

    def until(self, end: datetime) -> None:
        """Let time pass in steps of the schedule, and carry out what is asked for."""
        while self.now < end:
            self.now += SCHEDULE_EVERY
            for tick in (self.tick_schedule, self.tick_sensor):
                for request in list(tick()):
                    self.execute(request)

    def tick_schedule(self) -> Iterator[dg.RunRequest]:
        """One tick, in its hours."""
        if self.now.hour < 6:
            return
        with (
            open_instance(self.world.settings) as instance,
            dg.build_schedule_context(
                instance=instance, scheduled_execution_time=self.now, repository_def=self._defs.get_repository_def()
            ) as context,
        ):
            tick = self._schedule.evaluate_tick(context)
        yield from self._noted("schedule", tick.run_requests or [], tick.skip_message)

    def tick_sensor(self) -> Iterator[dg.RunRequest]:
        """One tick."""
        with (
            open_instance(self.world.settings) as instance,
            dg.build_sensor_context(
                instance=instance, cursor=self.cursor, repository_def=self._defs.get_repository_def()
            ) as context,
        ):
            tick = self._sensor.evaluate_tick(context)
        self.cursor = tick.cursor
        yield from self._noted("sensor", tick.run_requests or [], tick.skip_message)

    def execute(self, request: dg.RunRequest) -> bool:
        """What the run launcher would do, in this process; whether it succeeded."""
        job = build_defs(settings=self.world.settings).resolve_job_def(JOB)
        with open_instance(self.world.settings) as instance:
            result = job.execute_in_process(
                instance=instance,
                tags=dict(request.tags),
                raise_on_error=False,
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            )
        return result.success

    def _noted(self, who: str, requests: list[dg.RunRequest], skipped: str | None) -> Iterator[dg.RunRequest]:
        keys = {request.run_key for _, request in self.asked}
        for request in requests:
            assert request.run_key not in keys, f"asked twice: {request.tags}"
            self.asked.append((who, request))
            yield request
        if skipped:
            self.said.append(skipped)
