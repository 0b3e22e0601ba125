"""Small groups: in the open file nobody is one of four.

A mart says of itself which of its columns count persons and which of its key make groups small
(`meta.small_groups`). A row that counts fewer of them than the threshold loses the finest of these: it is merged
with the other such rows, and its column stays empty. What is still small then loses the next one, until only the
rest of the key is left: days, providers and destinations, whose totals are exact and stay so. So sums are right in
every tool, and nothing exact is published from which a merged row could be subtracted. Where figures do not add up,
a small group's row stays and its figures are empty.
"""

from __future__ import annotations

from collections.abc import Mapping

from orchestration.base.sql import identifier
from orchestration.warehouse.graph import Node, SmallGroups

FLAG = "is_suppressed"
FLAG_DESCRIPTION = (
    "True where groups of too few persons stood: they are merged, with columns of the key left empty; or their "
    "figures are."
)
_WHOLE = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"}


def without_small_groups(node: Node, relation: str, types: Mapping[str, str], threshold: int) -> str:
    """SQL that gives a relation's rows without its small groups, with the column `is_suppressed`.

    `types` are the relation's columns in order. Whole numbers add up when rows are merged; anything else stays where
    the merged rows agree on it, and is empty where they do not.
    """
    rule = node.small_groups
    assert rule is not None
    sql = f"select *, false as {FLAG} from {relation}"
    if not rule.by:
        return f"select {_emptied(node, rule, types, threshold)} from ({sql}) order by all"
    for dimension in reversed(rule.by):
        sql = f"select {_merged(node, rule, types, threshold, dimension)} from ({sql}) group by all"
    return f"{sql} order by all"


def _emptied(node: Node, rule: SmallGroups, types: Mapping[str, str], threshold: int) -> str:
    small = _is_small(rule, threshold)
    columns = [
        identifier(name)
        if name in node.key
        else f"case when not {small} then {identifier(name)} end as {identifier(name)}"
        for name in types
    ]
    return ", ".join([*columns, f"{small} as {FLAG}"])


def _merged(node: Node, rule: SmallGroups, types: Mapping[str, str], threshold: int, dimension: str) -> str:
    """One step: rows that are small lose `dimension`, and those that agree on the rest of the key become one."""
    small = _is_small(rule, threshold)
    columns = []
    for name, type_ in types.items():
        if name == dimension:
            columns.append(f"case when not {small} then {identifier(name)} end as {identifier(name)}")
        elif name in node.key:
            columns.append(identifier(name))
        elif type_ in _WHOLE:
            columns.append(f"sum({identifier(name)})::{type_} as {identifier(name)}")
        else:
            columns.append(
                f"case when min({identifier(name)}) = max({identifier(name)}) "
                f"and count({identifier(name)}) = count(*) then min({identifier(name)}) end as {identifier(name)}"
            )
    return ", ".join([*columns, f"({FLAG} or {small}) as {FLAG}"])


def _is_small(rule: SmallGroups, threshold: int) -> str:
    counts = " or ".join(f"coalesce({identifier(name)} between 1 and {threshold - 1}, false)" for name in rule.persons)
    return f"({counts})"
