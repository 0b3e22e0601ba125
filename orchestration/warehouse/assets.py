"""One dbt asset set per stage, so that a gate can stand between them."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings
from dagster_dbt.asset_utils import build_dbt_specs

from orchestration.contracts import Feed
from orchestration.settings import Settings
from orchestration.steps import WAREHOUSE_POOL
from orchestration.warehouse.graph import Graph
from orchestration.warehouse.stage import Stage

STAGES = ("staging", "marts")


class Translator(DagsterDbtTranslator):
    """dbt nodes as assets: `<schema>/<name>`, with the words that the project's YAML says."""

    def __init__(self) -> None:
        super().__init__(DagsterDbtTranslatorSettings(enable_asset_checks=True))

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """The schema and name that BI users see; a source is the feed's raw asset."""
        if dbt_resource_props["resource_type"] == "source":
            return dg.AssetKey(["raw", dbt_resource_props["name"]])
        return dg.AssetKey([dbt_resource_props["schema"], dbt_resource_props["name"]])

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The grain and meaning, without the SQL."""
        return str(dbt_resource_props.get("description") or dbt_resource_props["name"])


def dbt_assets(settings: Settings, feeds: Mapping[str, Feed], manifest: Mapping[str, Any]) -> list[dg.AssetsDefinition]:
    """The warehouse's asset sets, in order."""
    return [_asset_set(name, settings, feeds, manifest) for name in STAGES]


def _asset_set(
    name: str, settings: Settings, feeds: Mapping[str, Feed], manifest: Mapping[str, Any]
) -> dg.AssetsDefinition:
    translator = Translator()
    specs, test_specs = build_dbt_specs(
        translator=translator, manifest=manifest, select=f"tag:stage_{name}", exclude="resource_type:unit_test",
        selector="", io_manager_key=None, project=None,
    )  # fmt: skip
    stage = Stage(name, settings, feeds, Graph(manifest))

    @dg.multi_asset(
        name=name,
        specs=specs,
        check_specs=[*test_specs, *stage.check_specs()],
        can_subset=True,
        pool=WAREHOUSE_POOL,
    )
    def build(context: dg.AssetExecutionContext) -> Iterator[Any]:
        check_of_test = {
            unique_id: spec
            for unique_id, node in manifest["nodes"].items()
            if node["resource_type"] == "test" and (spec := _check_of(translator, manifest, unique_id, test_specs))
        }
        yield from stage.run(context, check_of_test)

    return build


def _check_of(
    translator: Translator, manifest: Mapping[str, Any], test_id: str, specs: Any
) -> dg.AssetCheckSpec | None:
    name = manifest["nodes"][test_id]["name"]
    return next((spec for spec in specs if spec.name == name), None)
