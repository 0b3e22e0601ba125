"""How old may what be: policies from the contracts, so that the graph shows what is overdue without a run."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import dagster as dg

from orchestration.contracts import Feed


def of_feed(feed: Feed) -> dg.FreshnessPolicy:
    """A warning once a delivery is overdue, a failure once it is late.

    Measured from one ingest to the next: early yesterday and on time today must not raise a warning.
    """
    due = timedelta(days=feed.frequency_days, hours=feed.due_hours)
    return dg.FreshnessPolicy.time_window(
        fail_window=due + timedelta(days=feed.lateness_days, hours=1), warn_window=due
    )


def of_relation(feeds: Iterable[Feed]) -> dg.FreshnessPolicy | None:
    """What is built on feeds is due as often as the most frequent of them; a reference table never is."""
    most_frequent = min(feeds, key=lambda feed: (feed.frequency_days, feed.due_hours, feed.lateness_days), default=None)
    return of_feed(most_frequent) if most_frequent else None
