"""The house's rules for models, as questions to dbt's manifest; each answers with what breaks it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from orchestration.gates.suites import load_suites

Node = Mapping[str, Any]
KEYS = {"number_key", "line_key"}
SOURCES = ("clearing_house", "billing", "payments", "network", "desk", "retention", "regulator", "receipts")
MARTS = ("core", "churn", "fraud", "breach")

#: Columns by which an open mart may tell its rows apart, or which may stand beside its figures as text: days, places in
#: the market, rules. Whoever puts a column here has thought about whom it could name.
HARMLESS = {
    "as_of_date", "changed_on", "date_day", "known_on", "month", "occurred_on", "processed_on",
    "weekday", "holiday", "incident_id", "kind", "note", "provider", "network", "group_name", "provider_group",
    "donor_group", "recipient_group", "destination_group", "top_destination", "first_group", "via_group", "last_group",
    "group_left", "group_returned_to", "line_type", "period", "product", "rule_id", "version", "specification",
    "target", "shapes", "relation", "measure", "reject_code", "direction",
    "decile", "offer", "sales_channel", "scope", "take_up_basis", "month_left", "other_group", "trait",
}  # fmt: skip
#: Columns that say what people are or do. A mart that tells its rows apart by one of them merges small groups.
OF_PEOPLE = {
    "activation_month", "auth_method", "hour_of_day", "line_group", "merchant_category", "months_away", "months_since",
    "months_stayed", "plan_code", "region_code", "tenure_band", "trait_value",
}  # fmt: skip
_NUMBERS = {"bigint", "hugeint", "double"}
#: Names of columns that hold money.
_AMOUNTS = r"(^|_)(amount|etf|monthly_fee|monthly_limit)(_due|_charged|_covered|_refunded|_last_stated)?(_sum)?$"
#: Types whose values are figures: they name nobody, unless they are in the key.
_FIGURES = {"bigint", "boolean", "date", "double", "hugeint", "integer", "timestamptz"}


def _models(manifest: Node) -> Iterator[Node]:
    yield from (node for node in manifest["nodes"].values() if node["resource_type"] == "model")


def _incremental(manifest: Node) -> Iterator[Node]:
    yield from (node for node in _models(manifest) if node["config"]["materialized"] == "incremental")


def _touched(manifest: Node, node: Node) -> Node:
    """The touched relation of an incremental model; nothing in particular where there is none."""
    named = (other for other in _models(manifest) if other["name"] == f"{node['name']}__touched")
    return next(named, {"name": "", "unique_id": "", "depends_on": {"nodes": []}})


def _room(node: Node) -> str:
    """`staging/billing`, `intermediate/payments`, `marts/churn`: the folder."""
    return "/".join(node["path"].split("/")[:-1])


def _parents(manifest: Node, node: Node) -> Iterator[Node]:
    for unique_id in node["depends_on"]["nodes"]:
        yield manifest["nodes"].get(unique_id) or manifest["sources"][unique_id]


def _ancestors(manifest: Node, node: Node) -> Iterator[Node]:
    for parent in _parents(manifest, node):
        yield parent
        if parent["resource_type"] == "model":
            yield from _ancestors(manifest, parent)


def _feeds(nodes: Iterator[Node]) -> set[str]:
    sources = [node for node in nodes if node["resource_type"] == "source"]
    return {source["config"]["meta"]["feed"] for source in sources if "feed" in source["config"]["meta"]}


def _data_parents(manifest: Node, node: Node) -> Iterator[Node]:
    """What a node's rows are made of: not what says which of them to recompute."""
    yield from (parent for parent in _parents(manifest, node) if "pipeline" not in parent.get("tags", ()))


def _tracked(manifest: Node, node: Node) -> dict[str, set[str]]:
    """Feeds that a node is built on, each with the nearest incremental models through which it is read."""
    found: dict[str, set[str]] = {}
    for parent in _data_parents(manifest, node):
        if parent["resource_type"] == "source":
            for feed in _feeds(iter([parent])):
                found.setdefault(feed, set())
        elif parent["resource_type"] == "model":
            is_tracker = parent["config"]["materialized"] == "incremental"
            for feed, trackers in _tracked(manifest, parent).items():
                found.setdefault(feed, set()).update({parent["name"]} if is_tracker else trackers)
    return found


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
        **{f"pipeline/{stage}": r"[a-z][a-z0-9_]*__touched" for stage in ("staging", "marts")},
        "pipeline": "readable_delivery",
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


def only_staging_reads_raw(manifest: Node) -> Iterator[str]:
    """The pipeline's own relations aside, which read what came, not what it means."""
    for node in _models(manifest):
        for parent in _parents(manifest, node):
            is_raw = parent["resource_type"] == "source" and parent["schema"] == "raw"
            if is_raw and not _room(node).startswith(("staging/", "pipeline")):
                yield f"{node['name']} reads {parent['name']}"


def sources_say_whose_rows_they_hold(manifest: Node) -> Iterator[str]:
    """Without `meta.feed` a feed would hold nothing back, and none of its deliveries would ever be pending."""
    for source in manifest["sources"].values():
        feed = source["config"]["meta"].get("feed")
        if source["schema"] == "raw" and source["name"] not in (feed, f"{feed}__all_revisions", "revision"):
            yield f"{source['name']} says meta.feed: {feed}"


def incremental_models_have_a_touched_relation_of_their_own(manifest: Node) -> Iterator[str]:
    """`<model>__touched`, read by the model alone, made from the model as it was before."""
    for node in _incremental(manifest):
        touched = _touched(manifest, node)
        readers = [other["name"] for other in _models(manifest) if touched in _parents(manifest, other)]
        before = {parent["name"] for parent in _parents(manifest, touched) if parent["schema"] == node["schema"]}
        if node["config"]["incremental_strategy"] != "touched" or readers != [node["name"]]:
            yield f"{node['name']}: {touched['name'] or 'no touched relation'} is read by {readers}"
        if node["name"] not in before:
            yield f"{touched['name']} does not read {node['name']} as it was before"


def touched_relations_come_after_whatever_hands_their_model_a_feed(manifest: Node) -> Iterator[str]:
    """Built before, they would not see what these read in the same run, and the model would be a day late."""
    for node in _incremental(manifest):
        before = {ancestor["name"] for ancestor in _ancestors(manifest, _touched(manifest, node))}
        for feed, trackers in _tracked(manifest, node).items():
            yield from (f"{node['name']}: {name} hands on {feed}" for name in sorted(trackers - before))


def touched_relations_read_no_feed_that_their_model_is_not_built_on(manifest: Node) -> Iterator[str]:
    """What a closed gate of the feed holds back is asked of the model alone."""
    for node in _incremental(manifest):
        read = _feeds(_ancestors(manifest, _touched(manifest, node)))
        yield from (f"{node['name']}: {feed}" for feed in sorted(read - _tracked(manifest, node).keys()))


def nothing_reads_upwards_or_across(manifest: Node) -> Iterator[str]:
    """Intermediate models read no mart; churn and fraud do not read each other, only `breach` reads both."""
    forbidden = {
        "marts/churn": ("marts/fraud", "marts/breach"),
        "marts/fraud": ("marts/churn", "marts/breach"),
        "marts/core": ("marts/churn", "marts/fraud", "marts/breach"),
    }
    for node in _models(manifest):
        reads_marts = _room(node).startswith(("marts/", "pipeline/marts"))
        never = forbidden.get(_room(node), () if reads_marts else tuple(f"marts/{m}" for m in MARTS))
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


def amounts_name_their_currency(manifest: Node) -> Iterator[str]:
    """In the comment that is published: `env_var('RINGFENCE_CURRENCY', 'the currency')`, here of the default site."""
    for node in _marts(manifest):
        for name, column in node["columns"].items():
            is_amount = column["data_type"] in _NUMBERS and re.search(_AMOUNTS, name)
            if is_amount and "the smallest unit of KRW" not in column["description"]:
                yield f"{node['name']}.{name}"


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
        if rule:
            named = {name for figures in rule["figures"] for name in figures.get("columns", ())}
            counts = " ".join(persons for figures in rule["figures"] for persons in figures["persons"])
            if not ({*re.findall(r"\w+", counts)} | named <= columns - key and {*rule.get("by", ())} < key):
                yield f"{node['name']}: meta.small_groups names columns that it has not, or that are (not) in its key"


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
    only_staging_reads_raw,
    sources_say_whose_rows_they_hold,
    incremental_models_have_a_touched_relation_of_their_own,
    touched_relations_come_after_whatever_hands_their_model_a_feed,
    touched_relations_read_no_feed_that_their_model_is_not_built_on,
    nothing_reads_upwards_or_across,
    marts_have_a_key_test,
    descriptions_begin_with_the_grain,
    marts_have_a_contract_and_describe_their_columns,
    amounts_name_their_currency,
    marts_are_open_or_restricted,
    pseudonyms_are_tagged_and_never_open,
    open_marts_have_no_column_that_could_name_somebody,
    open_marts_by_what_people_are_merge_small_groups,
    marts_have_a_suite_or_say_why_not,
)
