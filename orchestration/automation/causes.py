"""What people should be told of: failed runs, closed gates, late feeds, fraud cases above a threshold.

Causes are read off the present state, not off events, so it does not matter who looks, or how often: the command at
the end of its run, the sensor, both. A text holds no figure and no value of a row: it names places to look at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import dagster as dg

from orchestration.base.settings import Settings
from orchestration.base.sql import connect, literal
from orchestration.contracts import Feed
from orchestration.gates import verdicts
from orchestration.runtime.instance import JOB
from orchestration.serving.generations import current_file, current_publication
from orchestration.serving.sealed import readable
from orchestration.state.status import read_feeds

_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
_FRESH_DAYS = 2  # a case that grew earlier has been told of, or is history that is being loaded


@dataclass(frozen=True)
class Cause:
    """One thing to tell people of, once; `key` tells it from others for as long as it lasts."""

    key: str
    title: str
    text: str


def causes(
    settings: Settings, feeds: Mapping[str, Feed], instance: dg.DagsterInstance, now: datetime
) -> Iterator[Cause]:
    """Everything that is not as it should be."""
    yield from _failed_run(instance)
    yield from _closed_gates(settings)
    yield from _late_feeds(settings, feeds, now)
    yield from _fraud(settings)


def _failed_run(instance: dg.DagsterInstance) -> Iterator[Cause]:
    """The last run, if it failed; the same failure at the next attempt is the same cause."""
    last = next(iter(instance.get_runs(dg.RunsFilter(job_name=JOB, statuses=_ENDED), limit=1)), None)
    if last is None or last.status is not dg.DagsterRunStatus.FAILURE:
        return
    events = [entry.dagster_event for entry in instance.all_logs(last.run_id, dg.DagsterEventType.STEP_FAILURE)]
    steps = sorted(f"{event.step_key} ({_error_of(event)})" for event in events if event)
    where = ", ".join(steps) or "no step: its process is gone"
    yield Cause(
        f"run {where}",
        "a run failed",
        f"It failed in {where}. Readers keep what was published before. The run {last.run_id} in the UI says more; "
        "`ringfence doctor` looks at the set-up.",
    )


def _error_of(event: dg.DagsterEvent) -> str:
    """The kind of error, never its words: they may quote anything."""
    error = event.step_failure_data.error
    while error and error.cause:
        error = error.cause
    return str(error.cls_name) if error else "interrupted"


def _closed_gates(settings: Settings) -> Iterator[Cause]:
    for verdict in verdicts.latest(settings):
        if verdict.is_closed:
            failures = [failure.name for failure in verdict.closing]
            gate = f"{verdict.stage}/{verdict.relation}"
            yield Cause(
                f"gate {' '.join(sorted(failures))}",
                f"gate {gate} is closed",
                f"It holds back {verdict.relation} and what is built on it; readers keep the version before. "
                f"To look: ringfence gates show {failures[0]}",
            )


def _late_feeds(settings: Settings, feeds: Mapping[str, Feed], now: datetime) -> Iterator[Cause]:
    for feed in read_feeds(settings, feeds, now):
        if feed.is_late:
            yield Cause(
                f"late {feed.feed}",
                f"{feed.feed} is late",
                f"The newest delivery is for {feed.newest_dt}. Owner: {feeds[feed.feed].owner}.",
            )


def _fraud(settings: Settings) -> Iterator[Cause]:
    """Days on which a delivery arrived by which an open fraud case has reached the threshold, or grown beyond it."""
    file, published = current_file(settings, "restricted"), current_publication(settings)
    if settings.notify_fraud_amount is None or file is None or published is None:
        return
    through = {entry.relation: entry.data_through for entry in published.relations}.get("fraud.case")
    if through is None:
        return
    with readable(settings, file) as sealed, connect(settings) as con:
        con.execute(f"attach {literal(str(sealed))} as restricted (read_only)")
        days = con.execute(
            'select distinct last_alerted_on from restricted.fraud."case" '
            "where is_open and last_alerted_on > $1 and amount >= $2 order by 1",
            [through - timedelta(days=_FRESH_DAYS), settings.notify_fraud_amount],
        ).fetchall()
    for (day,) in days:
        yield Cause(
            f"fraud {day}",
            "a fraud case above the threshold",
            f"By what had arrived on {day}, the alerts of an open case reach RINGFENCE_NOTIFY_FRAUD_AMOUNT. "
            "See fraud.case in the restricted file; queue_position says which comes first.",
        )
