"""Every model keeps the house's rules, and each rule notices when one does not."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from orchestration.warehouse import dbt
from tests.support import manifest_rules as rules
from tests.support.world import World

MART, STAGING, INTERMEDIATE = "fct_port", "stg_clearing_house__port_events", "int_port_latest"
OPEN = "fraud_hourly"
TOUCHED = "fct_port__touched"


@pytest.fixture(scope="module")
def manifest(published_world: World) -> Any:
    return dbt.manifest(published_world.settings)


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_every_model_keeps_the_rule(manifest: Any, rule: Callable[[Any], Iterator[str]]) -> None:
    assert list(rule(manifest)) == []


def _column(node: Any, name: str, data_type: str = "varchar") -> None:
    node["columns"][name] = {"name": name, "data_type": data_type, "description": "x"}


def _reads(node: Any, what: str) -> None:
    node["depends_on"]["nodes"].append(what)


BREAKS: dict[str, Callable[[dict[str, Any], Any], None]] = {
    "names_say_the_room": lambda by_name, m: by_name[STAGING].update(name="stg_billing__port_events"),
    "staging_reads_one_source_and_nothing_else": lambda by_name, m: _reads(
        by_name[STAGING], "seed.ringfence.providers"
    ),
    "only_staging_reads_raw": lambda by_name, m: _reads(by_name[MART], "source.ringfence.payments.payments"),
    "sources_say_whose_rows_they_hold": lambda by_name, m: m["sources"]["source.ringfence.payments.payments"][
        "config"
    ].update(meta={}),
    "incremental_models_have_a_touched_relation_of_their_own": lambda by_name, m: _reads(
        by_name["port_incident"], by_name[TOUCHED]["unique_id"]
    ),
    "touched_relations_come_after_whatever_hands_their_model_a_feed": lambda by_name, m: by_name[TOUCHED][
        "depends_on"
    ].update(nodes=["source.ringfence.churn_before.fct_port"]),
    "touched_relations_read_no_feed_that_their_model_is_not_built_on": lambda by_name, m: _reads(
        by_name[TOUCHED], "source.ringfence.payments.payments"
    ),
    "nothing_reads_upwards_or_across": lambda by_name, m: _reads(by_name[MART], "model.ringfence.alert"),
    "marts_have_a_key_test": lambda by_name, m: [
        node.update(attached_node=None) for node in m["nodes"].values() if node["resource_type"] == "test"
    ],
    "descriptions_begin_with_the_grain": lambda by_name, m: by_name[INTERMEDIATE].update(description="Ports."),
    "marts_have_a_contract_and_describe_their_columns": lambda by_name, m: by_name[MART]["config"].update(
        contract={"enforced": False}
    ),
    "amounts_name_their_currency": lambda by_name, m: _column(by_name[OPEN], "lost_amount", "bigint"),
    "marts_are_open_or_restricted": lambda by_name, m: by_name[MART]["tags"].append("open"),
    "pseudonyms_are_tagged_and_never_open": lambda by_name, m: by_name[MART].update(tags=["open"]),
    "open_marts_have_no_column_that_could_name_somebody": lambda by_name, m: _column(by_name[OPEN], "case_id"),
    "open_marts_by_what_people_are_merge_small_groups": lambda by_name, m: by_name[OPEN]["config"]["meta"].pop(
        "small_groups"
    ),
    "marts_have_a_suite_or_say_why_not": lambda by_name, m: by_name["dim_line"]["config"]["meta"].pop("ungated"),
}


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_the_rule_notices(manifest: Any, rule: Callable[[Any], Iterator[str]]) -> None:
    broken = {part: copy.deepcopy(manifest[part]) for part in ("nodes", "sources")}
    by_name = {node["name"]: node for node in broken["nodes"].values() if node["resource_type"] == "model"}
    BREAKS[rule.__name__](by_name, broken)
    assert list(rule(broken))


@pytest.mark.parametrize("column", ["payment_id", "case_id", "party_key", "cell_id", "line_key"])
def test_a_key_that_could_name_somebody_is_noticed_in_an_open_mart(manifest: Any, column: str) -> None:
    nodes = copy.deepcopy(manifest["nodes"])
    (mart,) = (node for node in nodes.values() if node["name"] == OPEN)
    (key,) = (node for node in nodes.values() if node.get("attached_node") == mart["unique_id"])
    key["test_metadata"]["kwargs"]["columns"].append(column)
    _column(mart, column)
    broken = rules.open_marts_have_no_column_that_could_name_somebody({"nodes": nodes})
    assert [name.split(":")[0] for name in broken] == [f"{OPEN}.{column}"]
