"""The sensor that looks at the stores that extracts come from, and asks for days that have something new there.

A query says nothing of when its rows changed: only stores of files are looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg

from orchestration.automation.daily import is_left_to_the_morning
from orchestration.automation.default_status import sensor_status
from orchestration.base.settings import Settings
from orchestration.contracts import Feed
from orchestration.ingest.sources import offered
from orchestration.runtime.instance import JOB, is_busy

_INTERVAL_SECONDS = 900
_DAYS = 14  # back from yesterday; what a source corrects later has to be asked for by hand


def sources_sensor(settings: Settings, feeds: Mapping[str, Feed]) -> dg.SensorDefinition:
    """Asks for days that a store has extracts of, late or corrected; each content once."""

    @dg.sensor(
        name="sources",
        job_name=JOB,
        minimum_interval_seconds=_INTERVAL_SECONDS,
        default_status=sensor_status(settings) if settings.site_profile.landing else dg.DefaultSensorStatus.STOPPED,
        description="Looks at the stores that site.toml names, and asks for days that have something new there, once.",
    )
    def sources(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        if is_busy(context.instance):
            return dg.SensorResult(skip_reason="A run is at work; looking again when it has ended.")
        now = datetime.now(ZoneInfo(settings.time_zone))
        if requests := days_with_news(context.instance, settings, feeds, now):
            return dg.SensorResult(run_requests=requests)
        return dg.SensorResult(skip_reason="No store has anything that was not fetched.")

    return sources


def days_with_news(
    instance: dg.DagsterInstance, settings: Settings, feeds: Mapping[str, Feed], now: datetime
) -> list[dg.RunRequest]:
    """A request for each day of which a store has something that was not fetched, told apart by what that is."""
    stores = [feeds[name] for name, source in settings.site_profile.landing.items() if source.url and name in feeds]
    requests = []
    for back in range(1, _DAYS + 1):
        day = now.date() - timedelta(days=back)
        if day < (settings.first_day or day) or is_left_to_the_morning(instance, settings, feeds, day, now):
            continue
        if contents := sorted(content for feed in stores if (content := offered(settings, feed, day))):
            run_key = f"{day} {' '.join(content[:16] for content in contents)}"
            requests.append(dg.RunRequest(partition_key=day.isoformat(), run_key=run_key))
    return requests
