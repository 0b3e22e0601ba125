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


@pytest.fixture(scope="module")
def manifest(published_world: World) -> Any:
    return dbt.manifest(published_world.settings)


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_every_model_keeps_the_rule(manifest: Any, rule: Callable[[Any], Iterator[str]]) -> None:
    assert list(rule(manifest)) == []


def _reads(node: Any, what: str) -> None:
    node["depends_on"]["nodes"].append(what)


BREAKS: dict[str, Callable[[dict[str, Any], Any], None]] = {
    "names_say_the_room": lambda by_name, m: by_name[STAGING].update(name="stg_billing__port_events"),
    "staging_reads_one_source_and_nothing_else": lambda by_name, m: _reads(
        by_name[STAGING], "seed.ringfence.providers"
    ),
    "only_staging_reads_sources": lambda by_name, m: _reads(by_name[MART], next(iter(m["sources"]))),
    "nothing_reads_upwards_or_across": lambda by_name, m: _reads(by_name[MART], "model.ringfence.alert"),
    "marts_have_a_key_test": lambda by_name, m: [
        node.update(attached_node=None) for node in m["nodes"].values() if node["resource_type"] == "test"
    ],
    "descriptions_begin_with_the_grain": lambda by_name, m: by_name[INTERMEDIATE].update(description="Ports."),
    "marts_have_a_contract_and_describe_their_columns": lambda by_name, m: by_name[MART]["config"].update(
        contract={"enforced": False}
    ),
    "marts_are_open_or_restricted": lambda by_name, m: by_name[MART]["tags"].append("open"),
    "pseudonyms_are_tagged_and_never_open": lambda by_name, m: by_name[MART].update(tags=["open"]),
}


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_the_rule_notices(manifest: Any, rule: Callable[[Any], Iterator[str]]) -> None:
    broken = {part: copy.deepcopy(manifest[part]) for part in ("nodes", "sources")}
    by_name = {node["name"]: node for node in broken["nodes"].values() if node["resource_type"] == "model"}
    BREAKS[rule.__name__](by_name, broken)
    assert list(rule(broken))
