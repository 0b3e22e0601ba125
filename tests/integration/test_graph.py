"""The graph that Dagster shows reads like the architecture."""

from __future__ import annotations

import dagster as dg
import pytest

from orchestration.base.settings import PROJECT
from orchestration.definitions import build_defs
from tests.support.world import World

GROUPS = ("deliveries", "raw", "staging", "reference", "core", "churn", "fraud", "serving")


@pytest.fixture(scope="module")
def defs(published_world: World) -> dg.Definitions:
    return build_defs(settings=published_world.settings)


@pytest.fixture(scope="module")
def specs(defs: dg.Definitions) -> list[dg.AssetSpec]:
    return list(defs.resolve_all_asset_specs())


def test_every_asset_has_a_room_an_owner_a_description_and_its_source_code(specs: list[dg.AssetSpec]) -> None:
    models = [path for path in (PROJECT / "dbt_project" / "models").rglob("int_*.sql") if "pipeline" not in path.parts]
    behind = {f"int_{path.parent.name}" for path in models}
    assert {spec.group_name for spec in specs} == {*GROUPS, *behind}
    for spec in specs:
        assert spec.owners, spec.key
        assert spec.kinds, spec.key
        assert spec.description, spec.key
        if spec.group_name != "deliveries":
            assert "dagster/code_references" in spec.metadata, spec.key
            assert len({"open", "restricted"} & spec.tags.keys()) == 1, spec.key


def test_deliveries_are_external_and_everything_else_is_made_here(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    deliveries = {key for key in graph.get_all_asset_keys() if graph.get(key).group_name == "deliveries"}
    assert graph.external_asset_keys == deliveries
    assert {next(iter(graph.get(key).child_keys)).path[0] for key in deliveries} == {"raw"}


def test_every_feed_has_a_check_against_the_clock_and_no_asset_is_fresh_by_its_last_run(
    defs: dg.Definitions, specs: list[dg.AssetSpec], published_world: World
) -> None:
    checks = {key for key in defs.resolve_asset_graph().asset_check_keys if key.name == "in_time"}
    assert {key.asset_key.to_user_string() for key in checks} == {f"raw/{feed}" for feed in published_world.feeds}
    assert not [spec.key for spec in specs if spec.freshness_policy]


def test_the_page_of_the_gates_does_not_wait_for_the_publication_that_a_gate_may_prevent(
    defs: dg.Definitions, published_world: World
) -> None:
    graph = defs.resolve_asset_graph()
    page, publication = (graph.get(dg.AssetKey(key)) for key in (["reports", "gates_page"], ["serving", "publication"]))
    assert page.parent_keys == publication.parent_keys
    assert published_world.settings.gates_page.exists()


def test_any_range_of_days_is_one_run_of_the_daily_job(defs: dg.Definitions) -> None:
    assert defs.resolve_job_def("daily").backfill_policy == dg.BackfillPolicy.single_run()
