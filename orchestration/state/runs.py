"""The runs of the daily job, as Dagster has them on record: when, how long, which days, and how they ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg

from orchestration.base.settings import Settings
from orchestration.runtime.dagster_internals import days_of
from orchestration.runtime.instance import JOB, open_instance
from orchestration.serving.generations import publications


@dataclass(frozen=True)
class Run:
    """One run; times in UTC, None where it has not begun or ended. `generation` is what it published, if it is kept."""

    run_id: str
    status: str
    first_day: str | None
    last_day: str | None
    asked_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    generation: str | None

    @property
    def seconds(self) -> float | None:
        return (self.ended_at - self.started_at).total_seconds() if self.started_at and self.ended_at else None


def read_runs(settings: Settings, limit: int) -> list[Run]:
    """The last runs, the newest first."""
    published = {entry.run_id: entry.generation for entry in publications(settings)}
    with open_instance(settings) as instance:
        records = instance.get_run_records(dg.RunsFilter(job_name=JOB), limit=limit)
    return [
        Run(
            record.dagster_run.run_id, record.dagster_run.status.value, *days_of(record.dagster_run),
            record.create_timestamp, _instant(record.start_time), _instant(record.end_time),
            published.get(record.dagster_run.run_id),
        )
        for record in records
    ]  # fmt: skip


def _instant(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
