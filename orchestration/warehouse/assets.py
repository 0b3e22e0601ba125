"""One dbt asset set per stage, so that a gate can stand between them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings

from orchestration.base.settings import Settings
from orchestration.contracts import Feed
from orchestration.gates.asset_checks import check_name
from orchestration.runtime.dagster_internals import dbt_specs
from orchestration.runtime.outputs import written_in
from orchestration.runtime.warehouse_lock import WAREHOUSE_POOL
from orchestration.warehouse.dbt import DBT_PROJECT
from orchestration.warehouse.graph import Graph, without_pipeline
from orchestration.warehouse.stage import FIRST, LAST, ReadPicture, Stage

STAGES = (FIRST, LAST)


class Translator(DagsterDbtTranslator):
    """dbt nodes as assets: `<schema>/<name>`, with the words that the project's YAML says."""

    def __init__(self) -> None:
        super().__init__(
            DagsterDbtTranslatorSettings(enable_asset_checks=True, enable_duplicate_source_asset_keys=True)
        )

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """The schema and name that BI users see; a source is the raw asset of the feed whose rows it holds."""
        if dbt_resource_props["resource_type"] == "source":
            return dg.AssetKey(["raw", dbt_resource_props["config"]["meta"]["feed"]])
        return dg.AssetKey([dbt_resource_props["schema"], dbt_resource_props["name"]])

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The grain and meaning, without the SQL."""
        return str(dbt_resource_props.get("description") or dbt_resource_props["name"])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """That of the project's YAML; what only other models read stands behind them, in a group of its folder."""
        if dbt_resource_props["schema"] == "intermediate":
            return f"int_{Path(dbt_resource_props['original_file_path']).parent.name}"
        return super().get_group_name(dbt_resource_props)

    def get_metadata(self, dbt_resource_props: Mapping[str, Any]) -> Mapping[str, Any]:
        """What dbt says, and where it is written."""
        path = DBT_PROJECT / dbt_resource_props["original_file_path"]
        return {**super().get_metadata(dbt_resource_props), **written_in(path)}


def dbt_assets(
    settings: Settings, feeds: Mapping[str, Feed], manifest: Mapping[str, Any], *, read_picture: ReadPicture
) -> list[dg.AssetsDefinition]:
    """The warehouse's asset sets, in order; `read_picture` reads what the relations that have a picture show."""
    return [_asset_set(name, settings, feeds, manifest, read_picture) for name in STAGES]


def _asset_set(
    name: str, settings: Settings, feeds: Mapping[str, Feed], manifest: Mapping[str, Any], read_picture: ReadPicture
) -> dg.AssetsDefinition:
    specs, checks = dbt_specs(Translator(), without_pipeline(manifest), select=f"tag:stage_{name}")
    graph = Graph(manifest)
    stage = Stage(name, settings, feeds, graph, {check.name: check for check in checks}, read_picture)
    gated = {check.asset_key for check in stage.check_specs() if check.name == check_name(name)}
    specs = [spec.merge_attributes(tags={"gate": ""}) if spec.key in gated else spec for spec in specs]

    @dg.multi_asset(
        name=name,
        specs=specs,
        check_specs=stage.check_specs(),
        can_subset=True,
        pool=WAREHOUSE_POOL,
    )
    def build(context: dg.AssetExecutionContext) -> Iterator[Any]:
        yield from stage.run(context)

    return build
