"""The lineage of columns, as a run reads it from the models' compiled SQL."""

from __future__ import annotations

from orchestration.warehouse.lineage_file import load_lineage
from tests.support.world import World


def _sources(world: World, model: str) -> dict[str, list[list[str]]]:
    columns: dict[str, list[list[str]]] = load_lineage(world.settings)[f"model.ringfence.{model}"]["columns"]
    return columns


def test_a_column_is_traced_through_ctes_to_the_columns_of_other_relations(published_world: World) -> None:
    ports = _sources(published_world, "fct_port")
    assert ports["donor_group"] == [["intermediate", "int_port_latest", "donor_group"]]
    assert ports["tenure_days"] == [
        ["core", "dim_line", "activated_on"],
        ["intermediate", "int_port_latest", "processed_on"],
        ["intermediate", "int_port_latest", "requested_at"],
    ]


def test_every_model_in_sql_has_a_column_that_comes_from_somewhere(published_world: World) -> None:
    kept = load_lineage(published_world.settings)
    assert len(kept) > 100
    assert {model for model, of_model in kept.items() if not any(of_model["columns"].values())} == set()
