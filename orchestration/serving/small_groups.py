"""Small groups: in the open file nobody is one of four.

A mart says of itself (`meta.small_groups`) which columns count persons, and of which figures. Each such set of figures
is published by itself, in groups of enough persons: a row of too few loses the finest column of the key (`by`) and is
merged with the others that are too small, what still is loses the next one. What is left over of a total is made large
enough by the smallest group beside it, or it could be had by subtraction; and a total of too few persons is not
published at all, nor is the smallest one beside it (of the same `within`). So figures add up to every total that is
there. A figure that a row has none of is empty: it is of nobody, or of too few. What is told anew every day (`along`)
changes only when it changes for enough persons, and stays as it was until then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orchestration.base.sql import identifier
from orchestration.warehouse.graph import Figures, Node, SmallGroups

FLAG = "is_suppressed"
FLAG_DESCRIPTION = (
    "True where groups of too few persons are merged, with columns of the key left empty, or where a figure is left "
    "empty: it is of nobody, or of too few persons."
)
_WHOLE = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"}


def without_small_groups(node: Node, relation: str, types: Mapping[str, str], threshold: int) -> str:
    """SQL that gives a relation's rows without its small groups, with the column `is_suppressed`.

    `types` are the relation's columns in order. Whole numbers add up when rows are merged; anything else stays where
    the merged rows agree on it, and is empty where they do not.
    """
    rule = node.small_groups
    assert rule is not None
    key = [identifier(name) for name in types if name in node.key]
    claimed = {name for figures in rule.figures for name in figures.columns}
    rows = []
    for figures in rule.figures:
        own = figures.columns or {*types} - {*node.key} - claimed
        columns = {identifier(name): type_ for name, type_ in types.items() if name in own}
        if not figures.persons:
            rows.append(f"select {', '.join([*key, *columns])}, false as {FLAG} from {relation}")
            continue
        groups = _Groups(rule, figures, relation, key, columns, threshold)
        rows.append(groups.in_steps() if rule.along and not figures.of_the_day else groups.sql())
    wanted = ", ".join(
        identifier(name) if name in node.key else f"any_value({identifier(name)}) as {identifier(name)}"
        for name in types
    )
    return (
        f"select {wanted}, bool_or({FLAG}) or count(*) < {len(rows)} as {FLAG} "
        f"from ({' union all by name '.join(f'({query})' for query in rows)}) group by {', '.join(key)} order by all"
    )


class _Groups:
    """One set of figures of a mart, in groups of enough persons."""

    def __init__(
        self,
        rule: SmallGroups, figures: Figures, relation: str, key: Sequence[str], columns: Mapping[str, str], enough: int,
    ) -> None:  # fmt: skip
        self._rule, self._persons, self._relation, self._enough = rule, figures.persons, relation, enough
        self._key, self._columns = key, columns
        self._by = [identifier(name) for name in rule.by]
        #: The key of a total: what is never left empty.
        self._total = [name for name in key if name not in self._by]

    def sql(self) -> str:
        steps = {"cells": self._cells(), "totals": self._totals(), "shown": self._shown()}
        groups = "cells"
        for dimension in reversed(self._by):
            steps[f"without_{len(steps)}"] = self._merged(groups, "is_small", [dimension])
            groups = [*steps][-1]
        if self._by:
            steps["completed"] = self._completed(groups)
            steps["complete"] = self._merged("completed", "is_too_little", self._by)
            groups = "complete"
        ctes = ", ".join(f"{name} as ({query})" for name, query in steps.items())
        return (
            f"with {ctes} select {', '.join([*self._key, *self._columns])}, is_merged as {FLAG} "
            f"from {groups} semi join shown using ({', '.join(self._total)}) where is_somebody and not is_small"
        )

    def in_steps(self) -> str:
        """Rows in their order, each with the figures of the last one that differed by enough persons from those before.

        Nothing says where a step was held back: that would say that it was a small one.
        """
        along = identifier(self._rule.along or "")
        series = [name for name in self._key if name != along]
        each = f"partition by {', '.join(series)} " if series else ""
        same = "".join(f" and ahead.{name} = walk.{name}" for name in series)
        first = [f"case when persons >= {self._enough} then {name} else 0 end as {name}" for name in self._columns]
        is_step = f"abs(ahead.persons - walk.persons) >= {self._enough}"
        later = [f"case when {is_step} then ahead.{name} else walk.{name} end" for name in [*self._columns, "persons"]]
        return (
            f"with recursive lined_up as (select *, coalesce({self._persons[0]}, 0) as persons, "
            f"row_number() over ({each}order by {along}) as place from {self._relation}), "
            f"walk as (select {', '.join([*self._key, *first])}, "
            f"case when persons >= {self._enough} then persons else 0 end as persons, place from lined_up "
            f"where place = 1 union all select {', '.join(f'ahead.{name}' for name in self._key)}, {', '.join(later)}, "
            f"ahead.place from walk join lined_up as ahead on ahead.place = walk.place + 1{same}) "
            f"select {', '.join([*self._key, *self._columns])}, false as {FLAG} from walk"
        )

    def _cells(self) -> str:
        """The mart's rows, each with its persons, and whether it is of too few of them."""
        counts = [f"coalesce({persons}, 0) as persons_{number}" for number, persons in enumerate(self._persons)]
        somebody = [f"coalesce({name}, 0) <> 0" for name, type_ in self._columns.items() if type_ in _WHOLE]
        columns = ", ".join([*self._key, *self._columns, *counts, f"({' or '.join(somebody)}) as is_somebody"])
        return (
            f"select *, {self._is_small()} as is_small, false as is_merged "
            f"from (select {columns} from {self._relation})"
        )

    def _is_small(self) -> str:
        """The first column counts those whom the figures are of; the others, groups that could be told from them."""
        others = [f"or persons_{number} between 1 and {self._enough - 1}" for number in range(1, len(self._persons))]
        return f"(persons_0 < {self._enough} {' '.join(others)})"

    def _totals(self) -> str:
        counts = [f"sum(persons_{number}) as persons_{number}" for number in range(len(self._persons))]
        return (
            f"select *, {self._is_small()} as is_small from (select {', '.join([*self._total, *counts])}, "
            f"bool_or(is_somebody) as is_somebody from cells group by {', '.join(self._total)})"
        )

    def _shown(self) -> str:
        """Totals of enough persons, without those that would give a small one away: one in each sum that lacks some."""
        total, rows = ", ".join(self._total), "(select *, is_small as is_hidden from totals)"
        for level in self._rule.within:
            hidden = f"max(case when is_hidden and is_somebody then persons_0 end) over (partition by {level})"
            smallest = f"row_number() over (partition by {level}, is_hidden order by persons_0, {total}) = 1"
            rows = (
                f"(select * exclude (is_hidden), is_hidden or (coalesce({hidden} < {self._enough}, false) "
                f"and {smallest}) as is_hidden from {rows})"
            )
        return f"select {total} from {rows} where not is_hidden"

    def _merged(self, groups: str, which: str, dimensions: Sequence[str]) -> str:
        """Rows of which `which` is true lose dimensions, and those that agree on the rest of the key become one."""
        columns = [
            f"case when not {which} then {name} end as {name}" if name in dimensions else name for name in self._key
        ]
        for name, type_ in self._columns.items():
            if type_ in _WHOLE:
                columns.append(f"sum({name})::{type_} as {name}")
            else:
                columns.append(f"case when min({name}) = max({name}) and count({name}) = count(*) "
                               f"then min({name}) end as {name}")  # fmt: skip
        return (
            f"select {', '.join(columns)}, sum(persons_0) as persons_0, sum(persons_0) < {self._enough} as is_small, "
            f"bool_or(is_merged or {which}) as is_merged, bool_or(is_somebody) as is_somebody "
            f"from {groups} group by all"
        )

    def _completed(self, groups: str) -> str:
        """What is left over of a total (all that is still small), and the smallest group beside it if it needs one."""
        total = ", ".join(self._total)
        return (
            f"select *, is_small or (bool_or(is_small and is_somebody) over (partition by {total}) and row_number() "
            f"over (partition by {total}, is_small order by persons_0, {', '.join(self._by)}) = 1) as is_too_little "
            f"from {groups}"
        )
