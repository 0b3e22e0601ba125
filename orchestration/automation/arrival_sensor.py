"""The sensor that finds late, corrected and new deliveries by their content, and asks for exactly their days.

What has been asked for stands in the runs' tags, so that a restart forgets nothing: the same content is asked for a
few times at most. Looking is cheap: a file is hashed only if its size or time differs from its receipt's, and once.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg
from pydantic import BaseModel

from orchestration.automation.daily import is_left_to_the_morning
from orchestration.automation.default_status import sensor_status
from orchestration.base.settings import Settings
from orchestration.base.site_profile import NumberPlan
from orchestration.contracts import Feed
from orchestration.ingest.arrivals import deliveries, is_waiting, newest_receipts
from orchestration.ingest.assets import delivery_key
from orchestration.ingest.delivery import Delivery, size_of
from orchestration.ingest.receipt import Receipt
from orchestration.runtime.dagster_internals import partition_range
from orchestration.runtime.instance import JOB, bury_dead_runs, is_busy
from orchestration.serving.publish import inputs_fingerprint
from orchestration.state.up_to_date import is_latest_published

ASKED_FOR = "ringfence/asked_for"  # tag: identity of the content because of which a run was asked for
MOST_ATTEMPTS = 3  # after so many runs that did not bring it in, stop asking
_MOST_RUNS = 3  # scattered days beyond that go into one run across them all: a run costs more than a day in it
_INTERVAL_SECONDS = 30
_HASHING_SECONDS = 20  # a look may take a minute; what is left over is hashed at the next one


class Seen(BaseModel):
    """How a delivery looked last time: its files, what raw had of it, and what that came to if it is to be ingested."""

    dt: date
    files: str
    against: str
    waiting: str | None


class Cursor(BaseModel):
    """What the sensor remembers: deliveries that are not plainly the ones ingested, and the newest of each feed."""

    seen: dict[str, Seen] = {}
    newest: dict[str, str] = {}


@dataclass(frozen=True)
class Wish:
    """Days to run, and the identity of the content that is behind it."""

    first: date
    last: date
    content: str


def arrivals_sensor(
    settings: Settings, feeds: Mapping[str, Feed], clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> dg.SensorDefinition:
    """Asks for the days of what arrived late, was corrected or was left unpublished by a run that was killed."""

    @dg.sensor(
        name="arrivals",
        job_name=JOB,
        minimum_interval_seconds=_INTERVAL_SECONDS,
        default_status=sensor_status(settings),
        description="Finds late, corrected and new deliveries by content, and asks for exactly their days, once.",
    )
    def arrivals(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        before = Cursor.model_validate_json(context.cursor) if context.cursor else Cursor()
        now = clock().astimezone(ZoneInfo(settings.time_zone))
        bury_dead_runs(context.instance)
        arrived = list(deliveries(settings, feeds))
        receipts = newest_receipts(settings)
        after = look(feeds, arrived, receipts, before)
        waiting = {
            name: seen
            for name, seen in after.seen.items()
            if seen.waiting
            and (settings.first_day or seen.dt) <= seen.dt < now.date()
            and not is_left_to_the_morning(context.instance, settings, feeds, seen.dt, now)
        }
        if all(seen == before.seen.get(name) for name, seen in waiting.items()):
            found = sorted({(seen.dt, str(seen.waiting)) for seen in waiting.values()})
            requests, said = _decide(context.instance, settings, feeds, found, receipts)
        else:
            requests, said = [], "Something is arriving; looking again once it has stopped growing."
        return dg.SensorResult(
            run_requests=requests or None,
            skip_reason=None if requests else dg.SkipReason(said),
            cursor=after.model_dump_json(),
            asset_events=[
                _observation(delivery, settings.site_profile.numbers)
                for delivery in arrived
                if after.newest[delivery.feed] == _newest(delivery) != before.newest.get(delivery.feed)
            ],
        )

    return arrivals


def look(
    feeds: Mapping[str, Feed],
    arrived: Sequence[Delivery],
    receipts: Mapping[tuple[str, date], Receipt],
    before: Cursor,
) -> Cursor:
    """Compare what lies in landing with the receipts; what looks as it did `before` is not hashed again."""
    ends = time.monotonic() + _HASHING_SECONDS
    seen: dict[str, Seen] = {}
    for delivery in arrived:
        feed, receipt = feeds[delivery.feed], receipts.get((delivery.feed, delivery.dt))
        if receipt and receipt.status == "ACCEPTED" and receipt.fingerprint == delivery.fingerprint:
            continue
        name = f"{delivery.feed}/{delivery.dt}"
        against = f"{receipt.rev if receipt else 0} {feed.fingerprint}"
        known = before.seen.get(name)
        if known and (known.files, known.against) == (delivery.fingerprint, against):
            seen[name] = known
        elif time.monotonic() < ends:
            waiting = _content(delivery, receipt, feed) if is_waiting(delivery, receipts, feed) else None
            seen[name] = Seen(dt=delivery.dt, files=delivery.fingerprint, against=against, waiting=waiting)
    return Cursor(seen=seen, newest={delivery.feed: _newest(delivery) for delivery in arrived})


def _decide(
    instance: dg.DagsterInstance,
    settings: Settings,
    feeds: Mapping[str, Feed],
    waiting: Sequence[tuple[date, str]],
    receipts: Mapping[tuple[str, date], Receipt],
) -> tuple[list[dg.RunRequest], str]:
    """What to ask for; or nothing, and why."""
    if is_busy(instance):
        return [], "A run is at work; looking again when it has ended."
    wishes = list(_stretches(waiting))
    if not wishes and receipts and not is_latest_published(settings, feeds):
        newest = max(receipt.dt for receipt in receipts.values())
        wishes = [Wish(newest, newest, inputs_fingerprint(settings, feeds))]
    if not wishes:
        return [], "Nothing has arrived that is not ingested and published."
    requests = [request for wish in wishes if (request := _ask(instance, wish))]
    days = ", ".join(f"{wish.first} to {wish.last}" for wish in wishes)
    return requests, f"Asked for {MOST_ATTEMPTS} times, in vain: {days}. The runs say why."


def _stretches(waiting: Sequence[tuple[date, str]]) -> Iterator[Wish]:
    """Days without a gap between them, as one wish each; if they are many, one across them all."""
    runs: list[list[tuple[date, str]]] = []
    for dt, content in waiting:
        if runs and dt - runs[-1][-1][0] <= timedelta(days=1):
            runs[-1].append((dt, content))
        else:
            runs.append([(dt, content)])
    for run in runs if len(runs) <= _MOST_RUNS else [list(waiting)]:
        digest = hashlib.sha256("|".join(f"{dt} {content}" for dt, content in run).encode()).hexdigest()
        yield Wish(run[0][0], run[-1][0], digest)


def _ask(instance: dg.DagsterInstance, wish: Wish) -> dg.RunRequest | None:
    asked = instance.get_runs_count(dg.RunsFilter(tags={ASKED_FOR: wish.content}))
    if asked >= MOST_ATTEMPTS:
        return None
    span = partition_range(wish.first, wish.last)
    return dg.RunRequest(run_key=f"{wish.content}-{asked + 1}", tags={ASKED_FOR: wish.content} | span)


def _content(delivery: Delivery, receipt: Receipt | None, feed: Feed) -> str:
    """What stands for the content of a delivery; what has never been ingested is not read just to be told apart."""
    if receipt is None:
        return f"{delivery.feed} {delivery.fingerprint}"
    return f"{delivery.feed} {delivery.sha256} {delivery.manifest_sha256} {feed.fingerprint}"


def _newest(delivery: Delivery) -> str:
    return f"{delivery.dt} {delivery.fingerprint}"


def _observation(delivery: Delivery, plan: NumberPlan) -> dg.AssetObservation:
    """The newest delivery of a feed, as Dagster shows it on the source."""
    times = [path.stat().st_mtime for path in delivery.files if path.exists()]
    return dg.AssetObservation(
        delivery_key(delivery.feed),
        metadata={
            "newest_extract_date": delivery.dt.isoformat(),
            "files": delivery.without_numbers(", ".join(map(delivery.name_of, delivery.files)), plan),
            "bytes": sum(size_of(path) for path in delivery.files),
            **({"last_file_at": dg.MetadataValue.timestamp(max(times))} if times else {}),
        },
    )
