"""Small groups: in the open file nobody is one of four.

A mart says of itself (`meta.small_groups`) which columns count persons, and of which figures. Each such set of figures
is published by itself, in groups of enough persons: a row of too few loses the finest column of the key (`by`) and is
merged with the others that are too small, what still is loses the next one. What is left over of a total is made large
enough by the smallest group beside it, or it could be had by subtraction; and a total of too few persons is not
published at all, nor is the smallest one beside it (of the same `within`). So figures add up to every total that is
there. A figure that a row has none of is empty: it is of nobody, or of too few. What is told anew every day (`along`)
changes only when it changes for enough persons, and stays as it was until then; what happened on the days until then
(`flows`) is told with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orchestration.base.sql import identifier
from orchestration.warehouse.nodes import Figures, Node, SmallGroups

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
        self._rule, self._figures, self._relation, self._enough = rule, figures, relation, enough
        self._key, self._columns = key, columns
        self._persons = [f"persons_{number}" for number in range(len(figures.persons))]
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
            steps["completed"] = self._topped_up(groups, "is_small", ", ".join(self._total), self._by)
            steps["complete"] = self._merged("completed", "is_topped_up", self._by)
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
        along, flows = identifier(self._rule.along or ""), [identifier(name) for name in self._figures.flows]
        series = [name for name in self._key if name != along]
        each = (f"partition by {', '.join(series)} " if series else "") + f"order by {along}"
        so_far = [f"(sum({name}) over ({each}))::{self._columns[name]} as {name}" for name in flows]
        summed = f"* replace ({', '.join(so_far)})" if so_far else "*"
        persons = [
            f"coalesce({sql}, 0) as {name}" for sql, name in zip(self._figures.persons, self._persons, strict=True)
        ]
        nothing = {name: "0" if type_ in _WHOLE else "null" for name, type_ in self._columns.items()}
        nothing |= dict.fromkeys(self._persons, "0")
        whole = f"{each} rows between unbounded preceding and unbounded following"
        last = [f"last({name}) over ({whole}) as last_{name}" for name in [*self._persons, "figures"]]
        first, later = self._is_step("", None), self._is_step("ahead.", "walk.")
        told = [f"case when {first} then {name} else {empty} end as {name}" for name, empty in nothing.items()]
        told_later = [f"case when {later} then ahead.{name} else walk.{name} end" for name in nothing]
        same = "".join(f" and ahead.{name} = walk.{name}" for name in series)
        columns = [f"{name} - coalesce(lag({name}) over ({each}), 0) as {name}" if name in flows else name
                   for name in self._columns]  # fmt: skip
        return (
            f"with recursive summed as (select {summed}, row_number() over ({each}) as place "
            f"from {self._relation}), "
            f"counted as (select *, {', '.join(persons)}, row({', '.join(self._columns)}) as figures from summed), "
            f"lined_up as (select *, {', '.join(last)} from counted), "
            f"walk as (select {', '.join([*self._key, *told])}, place from lined_up where place = 1 "
            f"union all select {', '.join(f'ahead.{name}' for name in self._key)}, {', '.join(told_later)}, "
            f"ahead.place from walk join lined_up as ahead on ahead.place = walk.place + 1{same}) "
            f"select {', '.join([*self._key, *columns])}, false as {FLAG} from walk"
        )

    def _is_step(self, ahead: str, walk: str | None) -> str:
        """Whether a row has enough persons more or less than what was told, and the last one than it, if that is known.

        Enough or nobody it is of itself, too.
        """
        is_step = self._differs({f"{ahead}{name}": f"{walk}{name}" if walk else "0" for name in self._persons})
        if self._rule.ends_at_total:
            rest = self._differs({f"{ahead}last_{name}": f"{ahead}{name}" for name in self._persons})
            is_step += f" and ({rest} or {ahead}figures is not distinct from {ahead}last_figures)"
        is_step += "".join(f" and {ahead}{name} not between 1 and {self._enough - 1}" for name in self._persons)
        return f"({is_step})"

    def _differs(self, pairs: Mapping[str, str]) -> str:
        """Whether there are enough persons between the one and the other, or nobody; and somebody."""
        apart = [f"abs({one} - {other})" for one, other in pairs.items()]
        each = " and ".join(f"{persons} not between 1 and {self._enough - 1}" for persons in apart)
        return f"({each} and greatest({', '.join(apart)}) >= {self._enough})"

    def _cells(self) -> str:
        """The mart's rows, each with its persons, and whether it is of too few of them."""
        counts = [
            f"coalesce({sql}, 0) as {name}" for sql, name in zip(self._figures.persons, self._persons, strict=True)
        ]
        somebody = [f"coalesce({name}, 0) <> 0" for name, type_ in self._columns.items() if type_ in _WHOLE]
        somebody = somebody or [f"{self._persons[0]} > 0"]
        columns = ", ".join([*self._key, *self._columns, *counts])
        return (
            f"select *, {' or '.join(somebody)} as is_somebody, {self._is_small()} as is_small, false as is_merged "
            f"from (select {columns} from {self._relation})"
        )

    def _is_small(self, persons: str = "{}") -> str:
        """The first column counts those whom the figures are of; the others, groups that could be told from them."""
        first, *others = (persons.format(name) for name in self._persons)
        few = [f"{first} < {self._enough}", *(f"{name} between 1 and {self._enough - 1}" for name in others)]
        return f"({' or '.join(few)})"

    def _totals(self) -> str:
        counts = [f"sum({name}) as {name}" for name in self._persons]
        return (
            f"select *, {self._is_small()} as is_small from (select {', '.join([*self._total, *counts])}, "
            f"bool_or(is_somebody) as is_somebody from cells group by {', '.join(self._total)})"
        )

    def _shown(self) -> str:
        """Totals of enough persons, without those that would give a small one away: some in each sum that lacks one."""
        rows, hidden = "totals", "is_small"
        for number, level in enumerate(self._rule.within):
            rows = f"({self._topped_up(rows, hidden, level, self._total)})"
            hidden = f"is_hidden_{number}"
            rows = f"(select * exclude (is_topped_up), is_topped_up as {hidden} from {rows})"
        return f"select {', '.join(self._total)} from {rows} where not {hidden}"

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
        counts = [f"sum({name}) as {name}" for name in self._persons]
        return (
            f"select {', '.join([*columns, *counts])}, {self._is_small('sum({})')} as is_small, "
            f"bool_or(is_merged or {which}) as is_merged, bool_or(is_somebody) as is_somebody "
            f"from {groups} group by all"
        )

    def _topped_up(self, groups: str, which: str, within: str, order: Sequence[str]) -> str:
        """With `is_topped_up`: rows of which `which` is true, and the smallest beside them until all are enough."""
        so_far = [f"so_far_{name}" for name in self._persons]
        in_turn = f"partition by {within} order by turn nulls first"
        sums = [f"sum({name}) over ({in_turn}) as so_far_{name}" for name in self._persons]
        return (
            f"select * exclude (turn, lacks, {', '.join(so_far)}), {which} or (lacks and not coalesce(bool_or("
            f"not {self._is_small('so_far_{}')}) over ({in_turn} rows between unbounded preceding and 1 preceding), "
            f"false)) as is_topped_up from (select *, {', '.join(sums)}, "
            f"bool_or({which} and is_somebody) over (partition by {within}) as lacks "
            f"from (select *, case when not {which} then row_number() over "
            f"(partition by {within}, {which} order by persons_0, {', '.join(order)}) end as turn from {groups}))"
        )
