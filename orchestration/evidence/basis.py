"""Which rows a figure counts, as its mart's YAML says, and the SQL for it.

`meta.facts` of a relation of rows says where they come from: the `feed` and `key`, the column `state` that orders
what deliveries tell of a key, and `told_by`, which of these rows tell what is counted. A fact is a key as it is now,
or, where `state_held` names the fact's column that holds the state, one of the states that the key was in.

`meta.evidence` of a mart says which of them its columns count; a mart that counts several relations has a list. A
condition `holds` for a row, as `fact`, and a row of the mart, as `figure`; whoever fails it first is left out for the
reason `otherwise`, in which `{column}` is the fact's. A condition may use the project's macros `SHARED_WORDS`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
from pydantic import BaseModel, ConfigDict
from sqlglot import exp, parse_one

from orchestration.base.sql import literal, one_value
from orchestration.evidence.figure import Figure, FigureError, Read, rows_sql
from orchestration.warehouse.graph import Graph

_COLUMN_IN_REASON = re.compile(r"\{(\w+)\}")


class Condition(BaseModel):
    """What every counted row keeps, and why one that does not is left out."""

    model_config = ConfigDict(extra="forbid")

    holds: str
    otherwise: str

    @property
    def otherwise_sql(self) -> str:
        """The reason, as SQL over a fact."""
        texts = _COLUMN_IN_REASON.split(self.otherwise)
        parts = [
            f"coalesce(fact.{text}::varchar, 'unknown')" if place % 2 else literal(text)
            for place, text in enumerate(texts)
        ]
        return " || ".join(parts)


class Restated(BaseModel):
    """The published relation that says by how much each day changed a count of rows, by the rows' own columns.

    `given` are conditions that hold for whatever it counts; `also` are further columns, as SQL over its own.
    """

    model_config = ConfigDict(extra="forbid")

    relation: str
    known_on: str
    change: str
    given: list[str] = []
    also: dict[str, str] = {}


class Facts(BaseModel):
    """A relation of rows that figures count; `known` is the model that makes it, and can make it as known on a day."""

    model_config = ConfigDict(extra="forbid")

    feed: str
    key: str
    noun: str
    pseudonym: str
    state: str
    state_held: str | None = None
    told_by: str = "true"
    known: str
    known_as: dict[str, str] = {}
    conditions: dict[str, Condition] = {}
    restated: Restated | None = None

    @property
    def fact_key(self) -> str:
        """What tells a fact from the others, as SQL over `fact`."""
        return self._key("fact", self.state_held)

    @property
    def event_key(self) -> str:
        """The fact that a delivered row tells of, as SQL over `event`."""
        return self._key("event", self.state)

    @property
    def key_columns(self) -> list[str]:
        """A fact's columns that make its key."""
        return [self.key, *([self.state_held] if self.state_held else [])]

    def _key(self, row: str, state: str | None) -> str:
        return f"concat_ws(' ', {row}.{self.key}, {row}.{state})" if self.state_held else f"{row}.{self.key}"


class Counted(BaseModel):
    """How a column counts: the conditions of its rows by name, and what is made of them.

    `value` is SQL over the rows, in which `{n}` is their number; without it, it is their number. `only` is a condition
    over a row of the mart, as `figure`: of others it is not said.
    """

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    rows: list[str]
    value: str | None = None
    only: str | None = None


class Evidence(BaseModel):
    """`meta.evidence` of a mart; `beside` are relations that a condition also names, each with the column it shares."""

    model_config = ConfigDict(extra="forbid")

    facts: str
    beside: dict[str, str] = {}
    conditions: dict[str, Condition] = {}
    figures: dict[str, Counted]


@dataclass(frozen=True)
class Basis:
    """What a figure counts, with everything that is needed to count it again."""

    figure: Figure
    facts: Facts
    relation: str
    name: str
    counted: Counted
    conditions: Mapping[str, Condition]
    beside: Mapping[str, tuple[str, str]]

    @property
    def published(self) -> str:
        """The facts as published, behind the restricted door."""
        return f"restricted.{self.relation}"

    def says_of(self, con: duckdb.DuckDBPyConnection, door: str) -> bool:
        """Whether the mart says which rows are counted of all rows that the figure stands in."""
        if self.counted.only is None:
            return True
        return bool(
            one_value(con, f"select bool_and({self.counted.only}) from {rows_sql(self.figure, door)} as figure")
        )

    def check_told(self, con: duckdb.DuckDBPyConnection, found: Read) -> None:
        """See that single rows can be told of a figure as it was read.

        Raises:
            FigureError: if they cannot.
        """
        if not found.is_exact(self.figure):
            raise FigureError(f"{self.figure} is of small groups, merged: whose rows these are is not told.")
        if not self.says_of(con, found.door):
            raise FigureError(f"{self.figure}: which rows it counts is not said by its mart.")

    @property
    def adds_up(self) -> bool:
        """Whether figures of several rows of the mart may be added."""
        return self.counted.value is None or self.counted.value.startswith(("sum(", "coalesce(sum("))

    @property
    def columns(self) -> list[str]:
        """Columns of a fact that say whether, and how, it is counted."""
        return sorted(self.columns_but(()))

    @property
    def columns_with_reasons(self) -> list[str]:
        """The same, with those that a reason tells of, without the key."""
        told = {name for one in self.conditions.values() for name in _COLUMN_IN_REASON.findall(one.otherwise)}
        return sorted({*self.columns, *told} - {*self.facts.key_columns})

    def columns_but(self, given: Collection[str]) -> set[str]:
        """The same, where these conditions hold anyway."""
        texts = [one.holds for name, one in self.conditions.items() if name not in given]
        trees = [parse_one(text, dialect="duckdb") for text in [*texts, self.value_sql("count(*)")]]
        return {column.name for tree in trees for column in tree.find_all(exp.Column) if column.table == "fact"}

    def value_sql(self, number: str) -> str:
        """The aggregate over counted rows, where their number is this SQL."""
        return (self.counted.value or "{n}").replace("{n}", number)

    def pairs_sql(self, door: str, facts: str, given: Collection[str] = ()) -> str:
        """`from … where …` of each counted fact with the row that counts it; `given` conditions hold anyhow."""
        return f"{self.crossed_sql(door, facts)} where {self.holds_sql(given)}"

    def holds_sql(self, given: Collection[str] = ()) -> str:
        """All that a counted fact keeps, in a figure's row."""
        held = [f"({one.holds})" for name, one in self.conditions.items() if name not in given]
        return " and ".join(held) or "true"

    def crossed_sql(self, door: str, facts: str) -> str:
        """`from …` of every fact with every row of the figure."""
        joins = " ".join(
            f"join open.{relation} as {name} using ({shared})" for name, (relation, shared) in self.beside.items()
        )
        return f"from {facts} as fact cross join {rows_sql(self.figure, door)} as figure {joins}"

    def left_out_sql(self) -> str:
        """The reason why a fact is not counted in a figure's row, null where it is."""
        cases = " ".join(f"when ({one.holds}) is not true then {one.otherwise_sql}" for one in self.conditions.values())
        return f"case {cases} end" if cases else "null::varchar"


def basis_of(graph: Graph, figure: Figure) -> Basis | None:
    """What a figure counts; None if its mart does not say."""
    evidence = next((one for one in evidence_of(graph, figure.node.name) if figure.column.name in one.figures), None)
    if evidence is None:
        return None
    counted = evidence.figures[figure.column.name]
    relations = {node.name: node.relation for node in graph.nodes.values()}
    facts = facts_of(graph, evidence.facts)
    known = facts.conditions | evidence.conditions
    return Basis(
        figure, facts, relations[evidence.facts], evidence.facts, counted,
        {name: known[name] for name in counted.rows},
        {name.removeprefix("dim_"): (relations[name], shared) for name, shared in evidence.beside.items()},
    )  # fmt: skip


def adds_up(graph: Graph, figure: Figure) -> bool:
    """Whether several rows of a figure may be added: as its mart says, otherwise if it is a number of something."""
    basis = basis_of(graph, figure)
    return basis.adds_up if basis else figure.is_number_of


def evidence_of(graph: Graph, name: str) -> list[Evidence]:
    """What a mart says of the rows that it counts, relation by relation."""
    said = _meta(graph, name).get("evidence") or []
    return [Evidence.model_validate(one) for one in (said if isinstance(said, list) else [said])]


def facts_of(graph: Graph, name: str) -> Facts:
    """What a relation of rows says of where these come from."""
    return Facts.model_validate(_meta(graph, name)["facts"])


def _meta(graph: Graph, name: str) -> Mapping[str, Any]:
    unique_id = next(unique_id for unique_id, node in graph.nodes.items() if node.name == name)
    return graph.manifest["nodes"][unique_id]["config"].get("meta") or {}
