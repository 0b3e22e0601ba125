"""What people should be told of: failed runs, closed gates, late feeds, fraud cases above a threshold.

Causes are read off the present state, not off events, so it does not matter who looks, or how often: the command at
the end of its run, the sensor, both. A text holds no figure and nobody's number: it names places to look at, and the
cells and merchants to block.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

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
    yield from _blocked(settings)


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
    days = _of_cases(
        settings,
        "fraud.case",
        'select distinct last_alerted_on from restricted.fraud."case" '
        "where is_open and last_alerted_on > $fresh_from and amount >= $threshold order by 1",
        threshold=settings.notify_fraud_amount,
    )
    for (day,) in days:
        yield Cause(
            f"fraud {day}",
            "a fraud case above the threshold",
            f"By what had arrived on {day}, the alerts of an open case reach RINGFENCE_NOTIFY_FRAUD_AMOUNT. "
            "See fraud.case in the restricted file; queue_position says which comes first.",
        )


def _blocked(settings: Settings) -> Iterator[Cause]:
    """Days since which cells, merchants or dealers are on the block list, by name; numbers are not named."""
    days = _of_cases(
        settings,
        "fraud.block_list",
        "select since, string_agg(lower(subject_kind) || ' ' || subject_key, ', ' order by subject_kind, subject_key) "
        "from restricted.fraud.block_list where subject_key is not null and since > $fresh_from "
        "group by since order by since",
    )
    for day, subjects in days:
        yield Cause(
            f"block {day}",
            "new on the block list",
            f"Since {day} network and payment gateway may refuse: {subjects}. Why and until when is in "
            "fraud.block_list and serving/current/block_list.csv; the desk clears it under the case.",
        )


def _of_cases(settings: Settings, relation: str, query: str, **values: object) -> list[tuple[Any, ...]]:
    """Rows of a restricted relation, if the desk is to be told of fraud and the relation is published."""
    file, published = current_file(settings, "restricted"), current_publication(settings)
    if settings.notify_fraud_amount is None or file is None or published is None:
        return []
    through = {entry.relation: entry.data_through for entry in published.relations}.get(relation)
    if through is None:
        return []
    with readable(settings, file) as sealed, connect(settings) as con:
        con.execute(f"attach {literal(str(sealed))} as restricted (read_only)")
        return con.execute(query, {"fresh_from": through - timedelta(days=_FRESH_DAYS), **values}).fetchall()
