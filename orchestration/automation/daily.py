"""When what runs: the daily job over all assets, and the schedule that asks for yesterday's extracts."""

from datetime import timedelta

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from orchestration.settings import Settings
from orchestration.steps import daily_partitions

JOB = "daily"
_MORNING = "30 6 * * *"  # the extracts of D arrive on the morning of D+1


def daily_job(settings: Settings) -> UnresolvedAssetJobDefinition:
    """Extract dates in, a publication out; any range of them in one run."""
    return dg.define_asset_job(
        JOB,
        selection=dg.AssetSelection.all(),
        partitions_def=daily_partitions(settings),
        description="Ingest the extracts of the chosen days, build what they touch, judge it, publish it.",
    )


def daily_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """Yesterday's extracts at 06:30, in the site's time zone."""

    @dg.schedule(job_name=JOB, cron_schedule=_MORNING, execution_timezone=settings.time_zone, name="every_morning")
    def every_morning(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        """Run the daily job for the day that ended at the last midnight."""
        day = context.scheduled_execution_time.date() - timedelta(days=1)
        return dg.RunRequest(partition_key=day.isoformat(), run_key=day.isoformat())

    return every_morning
