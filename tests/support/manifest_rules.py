"""The house's rules for models, as questions to dbt's manifest; each answers with what breaks it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Node = Mapping[str, Any]
KEYS = {"number_key", "line_key"}
SOURCES = ("clearing_house", "billing", "payments", "network", "desk", "regulator")
MARTS = ("core", "churn", "fraud", "breach")


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
    tested = {
        node["attached_node"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test" and (node.get("test_metadata") or {}).get("name") == "primary_key"
    }
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
)
