"""Feeds against the clock, in the graph: a check on each of them that turns without a run."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import dagster as dg  # which does not resolve the annotations of a check if they are put off

from orchestration.automation.default_status import sensor_status
from orchestration.base.settings import Settings
from orchestration.contracts import Feed
from orchestration.ingest.assets import raw_key
from orchestration.state.punctuality import Punctuality, due_at, next_day
from orchestration.state.status import FeedStatus, read_feeds

CHECK = "in_time"
_INTERVAL_SECONDS = 60


def feed_checks(settings: Settings, feeds: Mapping[str, Feed]) -> dg.AssetChecksDefinition:
    """Judges the newest extract date of each feed, not the time of the last run."""

    @dg.multi_asset_check(
        name="feeds_in_time",
        specs=[
            dg.AssetCheckSpec(
                CHECK,
                asset=raw_key(feed.name),
                description="The newest extract date against the clock: the delivery after it is due "
                f"{feed.due_hours:g} hours after its day, and late {feed.lateness_days} days later. It warns from the "
                "one, fails from the other, and waits for nothing in an installation that holds history only.",
            )
            for feed in feeds.values()
        ],
        can_subset=True,
    )
    def feeds_in_time(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        for status in read_feeds(settings, feeds):
            if dg.AssetCheckKey(raw_key(status.feed), CHECK) in context.selected_asset_check_keys:
                said = _said(settings, feeds[status.feed], status)
                yield dg.AssetCheckResult(
                    asset_key=said.asset_key, check_name=CHECK, passed=said.passed, severity=said.severity,
                    description=said.description, metadata=said.metadata,
                )  # fmt: skip

    return feeds_in_time


def feeds_sensor(
    settings: Settings, feeds: Mapping[str, Feed], clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> dg.SensorDefinition:
    """Turns the checks of feeds that have become overdue, late or punctual again since its last look."""

    @dg.sensor(
        name="feeds_against_the_clock",
        minimum_interval_seconds=_INTERVAL_SECONDS,
        default_status=sensor_status(settings),
        description="Turns the check `in_time` of a feed once its next delivery is due, late, or there.",
    )
    def feeds_against_the_clock(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        before: dict[str, str] = json.loads(context.cursor) if context.cursor else {}
        found = {status.feed: status for status in read_feeds(settings, feeds, clock())}
        now = {name: f"{status.punctuality} {status.newest_dt}" for name, status in found.items()}
        turned = [name for name, state in now.items() if before.get(name) != state]
        return dg.SensorResult(
            skip_reason=dg.SkipReason(f"Turned: {', '.join(turned)}." if turned else "Nothing has turned."),
            cursor=json.dumps(now),
            asset_events=[_said(settings, feeds[name], found[name]) for name in turned],
        )

    return feeds_against_the_clock


def _said(settings: Settings, feed: Feed, status: FeedStatus) -> dg.AssetCheckEvaluation:
    """The verdict, with the day that the feed has reached and the moment until which the next one is waited for."""
    metadata: dict[str, dg.MetadataValue] = {"state": dg.MetadataValue.text(status.punctuality.value)}
    if status.is_absent:
        description = "The site has no such feed."
    elif status.newest_dt is None:
        description = "It has never arrived, and is not waited for."
    else:
        description = f"{status.punctuality}: the newest delivery is for {status.newest_dt}"
        metadata["newest_extract_date"] = dg.MetadataValue.text(status.newest_dt.isoformat())
        if status.punctuality is not Punctuality.HISTORY:
            due = due_at(feed, next_day(feed, status.newest_dt), ZoneInfo(settings.time_zone))
            description += f", the next one was or is due by {due:%Y-%m-%d %H:%M}"
            metadata["next_due_at"] = dg.MetadataValue.timestamp(due)
    return dg.AssetCheckEvaluation(
        asset_key=raw_key(feed.name),
        check_name=CHECK,
        passed=status.punctuality not in (Punctuality.OVERDUE, Punctuality.LATE),
        severity=dg.AssetCheckSeverity.ERROR if status.is_late else dg.AssetCheckSeverity.WARN,
        description=description,
        metadata=metadata,
    )
