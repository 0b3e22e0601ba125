"""The publication as an asset: the last step of every run, whatever the gates said before it."""

from collections.abc import Mapping
from pathlib import Path

import dagster as dg

from orchestration.base.settings import Settings
from orchestration.contracts import Feed
from orchestration.ingest.assets import RETENTION
from orchestration.privacy.custody import shared
from orchestration.runtime.outputs import written_in
from orchestration.runtime.warehouse_lock import WAREHOUSE_POOL
from orchestration.serving.publish import NOTHING, already_published, publish, rules_fingerprint
from orchestration.warehouse.graph import Graph

KEY = dg.AssetKey(["serving", "publication"])


def before_publication(graph: Graph) -> list[dg.AssetKey]:
    """The last assets of a run that are made whether or not anything is published."""
    return [RETENTION, *(dg.AssetKey([node.schema, node.name]) for node in graph.published())]


def publication_asset(settings: Settings, feeds: Mapping[str, Feed], graph: Graph) -> dg.AssetsDefinition:
    """`serving/current/`, built from every mart."""
    made_with = rules_fingerprint(settings, feeds)  # a run loads all this when it begins

    @dg.asset(
        key=KEY,
        deps=before_publication(graph),
        group_name="serving",
        kinds={"duckdb"},
        owners=["team:platform"],
        tags={"restricted": ""},
        metadata=written_in(Path(__file__).with_name("publish.py")),
        pool=WAREHOUSE_POOL,
        description=(
            "One generation of `serving/current/`: `marts.duckdb` (aggregates, open) and `cases.duckdb` (lines, "
            "restricted). Readers see the old one or the new one, never half a state."
        ),
    )
    def publication(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        with shared(settings):
            unchanged = already_published(settings, graph, feeds, made_with)
            published = unchanged or publish(settings, graph, feeds, context.run.run_id, made_with)
        if published is None:
            raise dg.Failure(NOTHING)
        table = "\n".join(
            f"| {entry.relation} | {entry.rows:,} | {entry.data_through or ''} | {', '.join(entry.held_back_by)} |"
            for entry in published.relations
        )
        return dg.MaterializeResult(
            metadata={
                "generation": published.generation,
                "is_new": unchanged is None,
                "dagster/row_count": sum(entry.rows for entry in published.relations),
                "held_back": len(published.held_back),
                "gates": dg.MetadataValue.url(settings.page_url(settings.gates_page.name)),
                "relations": dg.MetadataValue.md(
                    f"| relation | rows | data through | held back by |\n|---|--:|---|---|\n{table}"
                ),
            }
        )

    return publication
