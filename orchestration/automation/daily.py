"""The daily job over all assets, and the schedule that waits for yesterday's extracts and then asks for them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg

from orchestration.automation.default_status import schedule_status
from orchestration.base.settings import Settings
from orchestration.contracts import Feed
from orchestration.ingest.delivery import find_delivery
from orchestration.ingest.sources import offered
from orchestration.runtime.dagster_internals import UnresolvedJob, partition_range
from orchestration.runtime.instance import JOB, bury_dead_runs, is_busy
from orchestration.state.punctuality import due_at
from orchestration.state.up_to_date import is_up_to_date

MORNING_OF = "ringfence/morning_of"  # tag of the run that the schedule asked for: the extract date
MISSING = "ringfence/missing"  # tag: feeds that had not arrived when it did
_MORNING = "*/15 6-23 * * *"  # looks until yesterday has been asked for; the extracts of D arrive on the morning of D+1


def daily_job() -> UnresolvedJob:
    """Extract dates in, a publication out; any range of them in one run."""
    return dg.define_asset_job(
        JOB,
        selection=dg.AssetSelection.all(),
        config={"loggers": {"console": {"config": {"log_level": "WARNING"}}}},  # the UI has it all
        description="Ingest the extracts of the chosen days, build what they touch, judge it, publish it.",
    )


def daily_schedule(settings: Settings, feeds: Mapping[str, Feed]) -> dg.ScheduleDefinition:
    """Yesterday's extracts from 06:00 in the site's time zone, as soon as all are there or none is waited for."""

    @dg.schedule(
        name="every_morning",
        job_name=JOB,
        cron_schedule=_MORNING,
        execution_timezone=settings.time_zone,
        default_status=schedule_status(settings),
        description="Waits for yesterday's extracts as long as their contracts allow, then runs what there is.",
    )
    def every_morning(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        now = context.scheduled_execution_time.astimezone(ZoneInfo(settings.time_zone))
        day = now.date() - timedelta(days=1)
        bury_dead_runs(context.instance)
        if was_asked_for(context.instance, day):
            return dg.SkipReason(f"{day} was asked for already; what comes later is found by the sensor.")
        if awaited := still_awaited(settings, feeds, day, now):
            until = ", ".join(f"{feed} until {due:%H:%M}" for feed, due in awaited.items())
            return dg.SkipReason(f"{day}: waiting for {until}.")
        if is_busy(context.instance):
            return dg.SkipReason(f"{day}: a run is at work; looking again when it has ended.")
        missing = ", ".join(not_arrived(settings, feeds, day))
        if is_up_to_date(settings, feeds, [day]):
            return dg.SkipReason(f"{day}: nothing to do." + (f" Missing: {missing}." if missing else ""))
        if missing:
            context.log.warning(f"{day}: running without {missing}.")
        return dg.RunRequest(
            run_key=day.isoformat(),
            tags={MORNING_OF: day.isoformat(), MISSING: missing} | partition_range(day, day),
        )

    return every_morning


def was_asked_for(instance: dg.DagsterInstance, day: date) -> bool:
    """Whether the schedule has asked for a day."""
    return instance.get_runs_count(dg.RunsFilter(tags={MORNING_OF: day.isoformat()})) > 0


def is_left_to_the_morning(
    instance: dg.DagsterInstance, settings: Settings, feeds: Mapping[str, Feed], day: date, now: datetime
) -> bool:
    """Whether the schedule may still wait for a day, so that nobody else asks for it piece by piece."""
    due = max(
        (due_at(feed, day, ZoneInfo(settings.time_zone)) for feed in feeds.values() if feed.frequency_days == 1),
        default=now,
    )
    return now < due and not was_asked_for(instance, day)


def not_arrived(settings: Settings, feeds: Mapping[str, Feed], day: date) -> list[str]:
    """Daily feeds without a delivery for a day; one that has never come at all is not expected."""
    return [
        feed.name
        for feed in feeds.values()
        if feed.frequency_days == 1
        and _is_expected(settings, feed)
        and find_delivery(settings.landing_dir, feed, day) is None
        and offered(settings, feed, day) is None
    ]


def _is_expected(settings: Settings, feed: Feed) -> bool:
    """Whether it has ever come, or a source is there for it to come from."""
    has_come = any(root.joinpath(feed.name).is_dir() for root in (settings.landing_dir, settings.raw_dir))
    return has_come or feed.name in settings.site_profile.landing


def still_awaited(settings: Settings, feeds: Mapping[str, Feed], day: date, now: datetime) -> dict[str, datetime]:
    """Feeds that have not arrived for a day and may still come in time, each with until when."""
    due = {name: due_at(feeds[name], day, ZoneInfo(settings.time_zone)) for name in not_arrived(settings, feeds, day)}
    return {name: until for name, until in due.items() if now < until}
