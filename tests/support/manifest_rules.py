"""The house's rules for models, as questions to dbt's manifest; each answers with what breaks it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from orchestration.gates.suites import load_suites

Node = Mapping[str, Any]
KEYS = {"number_key", "line_key"}
SOURCES = ("clearing_house", "billing", "payments", "network", "desk", "regulator")
MARTS = ("core", "churn", "fraud", "breach")

#: Columns by which an open mart may tell its rows apart, or which may stand beside its figures as text: days, places in
#: the market, rules. Whoever puts a column here has thought about whom it could name.
HARMLESS = {
    "as_of_date", "changed_on", "date_day", "hour_of_day", "known_on", "month", "occurred_on", "processed_on",
    "weekday", "holiday", "incident_id", "kind", "note", "provider", "network", "group_name", "provider_group",
    "donor_group", "recipient_group", "destination_group", "top_destination", "first_group", "via_group", "last_group",
    "group_left", "group_returned_to", "line_type", "product", "rule_id", "version", "specification",
}  # fmt: skip
#: Columns that say what people are or do. A mart that tells its rows apart by one of them merges small groups.
OF_PEOPLE = {
    "activation_month", "auth_method", "line_group", "merchant_category", "months_away", "months_since",
    "months_stayed", "plan_code", "region_code", "tenure_band",
}  # fmt: skip
#: Types whose values are figures: they name nobody, unless they are in the key.
_FIGURES = {"bigint", "boolean", "date", "double", "hugeint", "integer", "timestamptz"}


def _models(manifest: Node) -> Iterator[Node]:
    yield from (node for node in manifest["nodes"].values() if node["resource_type"] == "model")


def _room(node: Node) -> str:
    """`staging/billing`, `intermediate/payments`, `marts/churn`: the folder."""
    return "/".join(node["path"].split("/")[:-1])


def _parents(manifest: Node, node: Node) -> Iterator[Node]:
    for unique_id in node["depends_on"]["nodes"]:
        yield manifest["nodes"].get(unique_id) or manifest["sources"][unique_id]


def _is_helper(node: Node) -> bool:
    """Written beside the marts that alone read it, and not published."""
    return node["name"].startswith("int_")


def _marts(manifest: Node) -> Iterator[Node]:
    yield from (node for node in _models(manifest) if _room(node).startswith("marts/") and not _is_helper(node))


def _keys(manifest: Node) -> dict[str, set[str]]:
    """Columns of each model's primary-key test."""
    return {
        node["attached_node"]: set(node["test_metadata"]["kwargs"]["columns"])
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test" and (node.get("test_metadata") or {}).get("name") == "primary_key"
    }


def names_say_the_room(manifest: Node) -> Iterator[str]:
    patterns = {
        **{f"staging/{source}": rf"stg_{source}__[a-z0-9_]+" for source in SOURCES},
        **{f"marts/{mart}": r"(?!stg_)[a-z][a-z0-9_]*" for mart in MARTS},
    }
    for node in _models(manifest):
        pattern = patterns.get(_room(node), r"int_[a-z0-9_]+" if _room(node).startswith("intermediate/") else "")
        if not re.fullmatch(pattern, node["name"]):
            yield f"{node['name']} in {_room(node)}"


def staging_reads_one_source_and_nothing_else(manifest: Node) -> Iterator[str]:
    for node in _models(manifest):
        if _room(node).startswith("staging/"):
            read = [parent["resource_type"] for parent in _parents(manifest, node)]
            if read != ["source"] or node["config"]["materialized"] != "view":
                yield f"{node['name']}: a {node['config']['materialized']} over {read}"


def only_staging_reads_sources(manifest: Node) -> Iterator[str]:
    for node in _models(manifest):
        for parent in _parents(manifest, node):
            if parent["resource_type"] == "source" and not _room(node).startswith("staging/"):
                yield f"{node['name']} reads {parent['name']}"


def nothing_reads_upwards_or_across(manifest: Node) -> Iterator[str]:
    """Intermediate models read no mart; churn and fraud do not read each other, only `breach` reads both."""
    forbidden = {
        "marts/churn": ("marts/fraud", "marts/breach"),
        "marts/fraud": ("marts/churn", "marts/breach"),
        "marts/core": ("marts/churn", "marts/fraud", "marts/breach"),
    }
    for node in _models(manifest):
        never = forbidden.get(
            _room(node), () if _room(node).startswith("marts/") else tuple(f"marts/{m}" for m in MARTS)
        )
        for parent in _parents(manifest, node):
            if parent["resource_type"] == "model" and _room(parent) in never:
                yield f"{node['name']} reads {parent['name']}"


def marts_have_a_key_test(manifest: Node) -> Iterator[str]:
    tested = _keys(manifest)
    yield from (node["name"] for node in _marts(manifest) if node["unique_id"] not in tested)


def descriptions_begin_with_the_grain(manifest: Node) -> Iterator[str]:
    yield from (node["name"] for node in _models(manifest) if not node["description"].startswith("One row per "))


def marts_have_a_contract_and_describe_their_columns(manifest: Node) -> Iterator[str]:
    for node in _marts(manifest):
        if not node["config"]["contract"]["enforced"]:
            yield f"{node['name']}: no contract"
        yield from (f"{node['name']}.{name}" for name, column in node["columns"].items() if not column["description"])


def marts_are_open_or_restricted(manifest: Node) -> Iterator[str]:
    for node in _marts(manifest):
        if len({"open", "restricted"} & set(node["tags"])) != 1:
            yield f"{node['name']}: {sorted(node['tags'])}"


def pseudonyms_are_tagged_and_never_open(manifest: Node) -> Iterator[str]:
    for node in _models(manifest):
        tags = set(node["tags"])
        holds = {name for name, column in node["columns"].items() if name in KEYS or column.get("data_type") == "uuid"}
        if holds and not {"pii", "restricted"} <= tags:
            yield f"{node['name']} holds {', '.join(sorted(holds))}, and is not tagged pii and restricted"
        if "pii" in tags and "open" in tags:
            yield f"{node['name']} is pii and open"


def open_marts_have_no_column_that_could_name_somebody(manifest: Node) -> Iterator[str]:
    keys = _keys(manifest)
    for node in _marts(manifest):
        if "open" in node["tags"]:
            key = keys.get(node["unique_id"], set())
            told = {name for name, column in node["columns"].items() if column["data_type"] not in _FIGURES}
            for name in sorted((key | told) - HARMLESS - OF_PEOPLE):
                yield f"{node['name']}.{name}: neither among the harmless columns nor among those of people"


def open_marts_by_what_people_are_merge_small_groups(manifest: Node) -> Iterator[str]:
    keys = _keys(manifest)
    for node in _marts(manifest):
        key, columns = keys.get(node["unique_id"], set()), set(node["columns"])
        rule, of_people = node["config"]["meta"].get("small_groups"), sorted((key | columns) & OF_PEOPLE)
        if "open" in node["tags"] and of_people and rule is None:
            yield f"{node['name']} by {', '.join(of_people)}: meta.small_groups must say which columns count persons"
        if rule and not ({*rule["persons"]} <= columns and {*rule.get("by", ())} < key):
            yield f"{node['name']}: meta.small_groups names columns that it has not, or not in its key"


def marts_have_a_suite_or_say_why_not(manifest: Node) -> Iterator[str]:
    guarded = {relation for relation, suite in load_suites("marts").items() if suite.expectations}
    for node in _marts(manifest):
        why = node["config"]["meta"].get("ungated")
        if node["name"] not in guarded and not why:
            yield f"{node['name']}: neither expectations/marts/{node['name']}.json nor meta.ungated"
        if node["name"] in guarded and why:
            yield f"{node['name']}: has a suite, and meta.ungated says that it has none"


RULES: tuple[Callable[[Node], Iterator[str]], ...] = (
    names_say_the_room,
    staging_reads_one_source_and_nothing_else,
    only_staging_reads_sources,
    nothing_reads_upwards_or_across,
    marts_have_a_key_test,
    descriptions_begin_with_the_grain,
    marts_have_a_contract_and_describe_their_columns,
    marts_are_open_or_restricted,
    pseudonyms_are_tagged_and_never_open,
    open_marts_have_no_column_that_could_name_somebody,
    open_marts_by_what_people_are_merge_small_groups,
    marts_have_a_suite_or_say_why_not,
)
