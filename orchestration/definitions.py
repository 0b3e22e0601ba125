"""The code location: assembly only."""

from __future__ import annotations

import dagster as dg

from orchestration.automation.arrival_sensor import arrivals_sensor
from orchestration.automation.daily import daily_job, daily_schedule
from orchestration.automation.feed_checks import feed_checks, feeds_sensor
from orchestration.automation.notifications import notifications_sensor
from orchestration.automation.report_delivery import report_sensor
from orchestration.automation.source_sensor import sources_sensor
from orchestration.base.settings import Settings
from orchestration.contracts import load_feeds
from orchestration.ingest.assets import raw_assets, retention_asset
from orchestration.reporting.assets import gates_page_asset, report_asset
from orchestration.reporting.plots import plot_reader
from orchestration.serving.assets import publication_asset
from orchestration.warehouse import dbt
from orchestration.warehouse.assets import dbt_assets
from orchestration.warehouse.graph import Graph


def build_defs(*, settings: Settings | None = None) -> dg.Definitions:
    """Everything that Dagster knows of one installation: that of the environment, or that of other `settings`."""
    settings = settings or Settings()
    feeds = load_feeds(settings)
    manifest = dbt.manifest(settings)
    graph = Graph(manifest)
    return dg.Definitions(
        assets=[
            *raw_assets(settings, feeds),
            retention_asset(settings, feeds),
            *dbt_assets(settings, feeds, manifest, read_picture=plot_reader(settings.site_profile)),
            publication_asset(settings, feeds, graph),
            gates_page_asset(settings, graph),
            report_asset(settings, feeds, graph),
        ],
        asset_checks=[feed_checks(settings, feeds)],
        jobs=[daily_job()],
        schedules=[daily_schedule(settings, feeds)],
        sensors=[
            arrivals_sensor(settings, feeds),
            feeds_sensor(settings, feeds),
            notifications_sensor(settings, feeds),
            report_sensor(settings, feeds),
            sources_sensor(settings, feeds),
        ],
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """The installation that the environment describes; built when Dagster asks, not on import."""
    return build_defs()
