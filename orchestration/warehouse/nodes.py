"""A node of the warehouse, a model or a seed, as dbt's manifest has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_BUILT = ("model", "seed")


@dataclass(frozen=True)
class Column:
    """A column as its model's contract declares it; `data_type` is None where a seed leaves it open."""

    name: str
    data_type: str | None
    description: str
    is_required: bool


@dataclass(frozen=True)
class Figures:
    """Figures of a mart that are of the same persons.

    The first of `persons` counts them, each once within a total, so that it adds up. The others count groups that could
    be told from the figures. All are SQL over the mart's columns. Without `columns` they are whatever no other set has.
    Without `persons` they are of nobody in person (cells, or what the press prints). In a mart that says how much was
    known by a day, `of_the_day` are figures of one day, and `flows` those of a day whose sum so far is a figure.
    """

    persons: tuple[str, ...]
    columns: tuple[str, ...] = ()
    of_the_day: bool = False
    flows: tuple[str, ...] = ()


@dataclass(frozen=True)
class SmallGroups:
    """What a mart's `meta.small_groups` says of itself.

    `by` are columns of its key that make groups small, the first to be kept longest; without it, figures do not add up
    over any of them. `within` are lists of SQL over the rest of the key: sums that are known elsewhere. `along` is a
    column of days, of each of which the row says how much was known by then; `ends_at_total` says that the last day's
    figures are exact, because another mart has them.
    """

    figures: tuple[Figures, ...]
    by: tuple[str, ...] = ()
    within: tuple[str, ...] = ()
    along: str | None = None
    ends_at_total: bool = False


@dataclass(frozen=True)
class Node:
    """A model or seed of the warehouse; `key` is what its primary-key test says, empty without one.

    `reconciles` is the feed whose rows it follows to the facts; `last_good` names what it may read as it last was.
    `unique_key` is the column by which an incremental model's rows are replaced.
    `file` is the name under which a publication has it as a file, too.
    """

    unique_id: str
    name: str
    schema: str
    resource_type: str
    tags: frozenset[str]
    description: str
    columns: tuple[Column, ...] = ()
    key: tuple[str, ...] = ()
    small_groups: SmallGroups | None = None
    reconciles: str | None = None
    last_good: frozenset[str] = frozenset()
    materialized: str = "table"
    unique_key: str | None = None
    file: str | None = None

    @property
    def is_view(self) -> bool:
        """Whether it has no rows of its own."""
        return self.materialized == "view"

    @property
    def is_incremental(self) -> bool:
        """Whether it can be built where deliveries touch it alone."""
        return self.materialized == "incremental"

    @property
    def relation(self) -> str:
        """Its name in the warehouse, schema first."""
        return f"{self.schema}.{self.name}"


def is_sql(entry: Mapping[str, Any]) -> bool:
    """Whether the manifest's entry of a node is a model written in SQL."""
    return bool(entry["resource_type"] == "model" and entry["language"] == "sql")


def is_built(entry: Mapping[str, Any]) -> bool:
    """Whether the manifest's entry of a node is of one that stands in the warehouse."""
    return entry["resource_type"] in _BUILT and entry["config"]["materialized"] != "ephemeral"


def node_of(entry: Mapping[str, Any], key: tuple[str, ...]) -> Node:
    """The node of an entry in the manifest; `key` as `keys_of` has it."""
    meta = entry["config"].get("meta") or {}
    return Node(
        unique_id=entry["unique_id"],
        name=entry["name"],
        schema=entry["schema"],
        resource_type=entry["resource_type"],
        tags=frozenset(entry["tags"]),
        description=entry.get("description") or "",
        columns=tuple(_column(column) for column in entry["columns"].values()),
        key=key,
        small_groups=_small_groups(meta),
        reconciles=meta.get("reconciles"),
        last_good=frozenset(meta.get("last_good", ())),
        materialized=entry["config"]["materialized"],
        unique_key=entry["config"].get("unique_key"),
        file=meta.get("file"),
    )


def keys_of(manifest: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Columns of each node's primary-key test."""
    tests = (node for node in manifest["nodes"].values() if node["resource_type"] == "test")
    return {
        test["attached_node"]: tuple(test["test_metadata"]["kwargs"]["columns"])
        for test in tests
        if (test.get("test_metadata") or {}).get("name") == "primary_key"
    }


def _column(column: Mapping[str, Any]) -> Column:
    is_required = any(constraint["type"] == "not_null" for constraint in column["constraints"])
    return Column(column["name"], column["data_type"], column["description"] or "", is_required)


def _small_groups(meta: Mapping[str, Any]) -> SmallGroups | None:
    rule = meta.get("small_groups")
    if rule is None:
        return None
    figures = [
        Figures(
            persons=tuple(entry["persons"]),
            columns=tuple(entry.get("columns", ())),
            of_the_day=entry.get("of_the_day", False),
            flows=tuple(entry.get("flows", ())),
        )
        for entry in rule["figures"]
    ]
    return SmallGroups(
        figures=tuple(figures),
        by=tuple(rule.get("by", ())),
        within=tuple(rule.get("within", ())),
        along=rule.get("along"),
        ends_at_total=rule.get("ends_at_total", False),
    )
