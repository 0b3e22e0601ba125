"""An attack on the open file: what it tells of groups of fewer than five persons to somebody who has nothing else.

Every pair of open marts is held against each other: what one shows and the other leaves out, and what is left of a sum
of the one after the other's is taken away, over every choice of the columns that both have. Within a mart, each column
is held against those that it is a part of, each row against the one before it, each sum over periods against its parts,
and each rate is multiplied by what it is a rate of. Only to judge what came of it is the restricted file read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, combinations
from pathlib import Path

import duckdb

from orchestration.base.sql import columns_of
from orchestration.serving.small_groups import without_small_groups
from orchestration.warehouse import dbt
from orchestration.warehouse.graph import Graph
from orchestration.warehouse.nodes import Figures, Node, SmallGroups
from tests.support.world import World

FEW = 4
#: Names of one thing in several marts.
_SAME = {"occurred_on": "date_day", "frauds": "confirmed"}
#: Columns whose name another mart has for something else: requests of ports, and of refunds.
_UNLIKE = {"churn.port_pipeline_daily": {"requested"}}
#: A column from which another can be worked out.
_COARSER = {"date_day": ("month", "date_trunc('month', {})::date")}
#: Rows of a mart that stand for all its others.
_TOTAL_ROWS = {"fraud.detection_quality": "rule_id = 'ALL'"}
#: Whose payments each column of persons counts.
_POPULATIONS = {"payers": "true", "alert_payers": "is_alert", "confirmed_payers": "is_confirmed"}
#: How marts were published before, by what counts: whoever held one against another knew.
BEFORE: Mapping[str, Mapping[str, tuple[str, ...] | None]] = {
    "payments instead of persons": {"payment_daily": ("payments",), "payment_hourly": ("payments",)},
    "each mart by its own rule": {"fraud_daily": ("payments", "alerts", "confirmed"), "payment_daily": ("payments",)},
    "hours as they are": {"fraud_hourly": None, "fraud_daily": ("payers",)},
    "parts beside their whole": {"fraud_daily": ("payers", "alert_payers", "confirmed_payers")},
    "day by day": {"waiver_refunds": None},
    "months of a cohort": {"retention_cohort": ("at_risk",)},
    "periods that add up": {"breach_churn": ("lines",)},
}
#: Those that need frauds, and lines that they befell.
WITH_FRAUDS = ("parts beside their whole", "periods that add up")
#: What is told for all of a mart's periods and for each: rows that stand for the others, and what is counted.
_PERIODS = {"fraud.breach_churn": ("period", "ALL", ("line_days", "departures", "other_endings"))}
#: Counts that can be worked out from a rate, and whom a row has lost to the next one.
_WORKED_OUT = {
    "fraud.breach_churn": (
        "round(departures_per_100_line_years * line_days / 36525)",
        "round(other_endings_per_100_line_years * line_days / 36525)",
    ),
}
#: An attacker who is right so often knows.
_SURE = 0.9

#: Every payment with what the marts tell payments apart by, and whose it is.
FACTS = """
    create or replace temp table fact as
    select occurred_on as date_day, hour(occurred_at) as hour_of_day, product, auth_method, merchant_category,
        coalesce(region_code, 'UNKNOWN') as region_code, coalesce(payments.line_key, payments.number_key) as party,
        alerts.payment_id is not null as is_alert, coalesce(verdict = 'CONFIRMED_FRAUD', false) as is_confirmed
    from exact.fraud.fct_payment as payments
    left join exact.core.dim_line as lines on payments.line_key = lines.line_key
        and occurred_at >= valid_from and occurred_at < coalesce(valid_to, 'infinity')
    left join (select payment_id from exact.fraud.alert) as alerts using (payment_id)
    left join (select payment_id, verdict from exact.fraud.payment_verdict) as verdicts using (payment_id)
"""


def opened(world: World, open_file: Path | None = None) -> duckdb.DuckDBPyConnection:
    """A connection to what a world has published: `exact`, and `open` or a new file in its place; with its payments."""
    current = world.settings.serving_dir / "current"
    con = duckdb.connect()
    con.execute(f"set timezone = '{world.settings.time_zone}'")
    con.execute(f"attach '{current / 'cases.duckdb'}' as exact (read_only)")
    con.execute(f"attach '{open_file or current / 'marts.duckdb'}' as open{'' if open_file else ' (read_only)'}")
    con.execute(FACTS)
    return con


def open_marts(world: World) -> list[Node]:
    return [node for node in Graph(dbt.manifest(world.settings)).published() if "open" in node.tags]


def publish_by(
    con: duckdb.DuckDBPyConnection, marts: Sequence[Node], persons: Mapping[str, tuple[str, ...] | None]
) -> list[Node]:
    """Publish some marts into `open` by other rules: all figures of a row by these counts, or the rows as they are."""
    con.execute("create schema open.fraud; create schema open.churn")
    published = [mart for mart in marts if mart.name in persons]
    for mart in published:
        counts, rows = persons[mart.name], f"exact.{mart.relation}"
        if counts:
            assert mart.small_groups
            by_hand = replace(mart, small_groups=SmallGroups((Figures(counts),), mart.small_groups.by))
            rows = f"({without_small_groups(by_hand, rows, columns_of(con, rows), FEW + 1)})"
        con.execute(f"create table open.{mart.relation} as from {rows}")
    return published


def attack(con: duckdb.DuckDBPyConnection, marts: Sequence[Node]) -> list[str]:
    """Small groups that were found. `con` has the catalogs `open` and `exact`, and the table `fact`."""
    with_rule = [mart for mart in marts if mart.small_groups]
    return [
        *chain.from_iterable(_in_sight(con, mart) for mart in with_rule),
        *chain.from_iterable(_absent(con, one, other) for one in with_rule for other in with_rule),
        *chain.from_iterable(
            _differences(con, one, other)
            for one, other in combinations(marts, 2)
            if one.small_groups or other.small_groups
        ),
        *chain.from_iterable(_persons(con, mart) for mart in with_rule),
        *chain.from_iterable(_steps(con, mart) for mart in with_rule if mart.small_groups and mart.small_groups.along),
        *chain.from_iterable(_parts(con, mart) for mart in with_rule),
        *chain.from_iterable(_periods(con, mart) for mart in with_rule if mart.relation in _PERIODS),
    ]


def _in_sight(con: duckdb.DuckDBPyConnection, mart: Node) -> Iterator[str]:
    """A published row that counts so few, or whose columns do when one is taken from the other."""
    assert mart.small_groups
    whole = " and ".join(f"{name} is not null" for name in mart.small_groups.by) or "true"
    for figures in mart.small_groups.figures:
        for number, persons in enumerate(figures.persons):
            where = f"{persons} between 1 and {FEW}" + (f" and {whole}" if number else "")
            if count := _count(con, f"from open.{mart.relation} where {where}"):
                yield f"{mart.name}: {count} rows in which {persons} is 1 to {FEW}"


def _absent(con: duckdb.DuckDBPyConnection, one: Node, other: Node) -> Iterator[str]:
    """Cells and totals that one mart shows and the other leaves out: for a reason, and the reason is known."""
    assert one.small_groups
    assert other.small_groups
    if not other.small_groups.by:
        return
    ours, theirs = _dimensions(one), _dimensions(other)
    kept = [name for name in theirs if theirs[name] not in other.small_groups.by]
    for key in {tuple(theirs), tuple(kept)}:
        if not {*key} <= {*ours}:
            continue
        seen = _sums(one, key, one.small_groups.figures[0].persons[0])
        for what, count, few in _left_out(other):
            [(cells, hits)] = con.execute(
                f"select count(*), count(*) filter (where truth.few) from ({seen}) as seen "
                f"anti join ({_sums(other, key, count)}) as hidden using ({', '.join(key)}) "
                f"left join ({_sums(other, key, count, 'exact', few)}) as truth using ({', '.join(key)})"
            ).fetchall()
            if cells >= 5 and hits > _SURE * cells:
                yield (
                    f"{one.name} shows {cells} cells of {', '.join(key)} that {other.name} has no {what} of; "
                    f"{hits} are of 1 to {FEW}"
                )


def _left_out(mart: Node) -> Iterator[tuple[str, str, str]]:
    """What a mart may leave out of a row: a set of figures, or the row. SQL that counts it, and whether of few."""
    assert mart.small_groups
    of_persons = [figures for figures in mart.small_groups.figures if figures.persons]
    few = [" or ".join(f"sum({count}) between 1 and {FEW}" for count in figures.persons) for figures in of_persons]
    yield "row", "1", " or ".join(few)
    for figures, of_few in zip(of_persons, few, strict=True):
        yield figures.persons[0], figures.persons[0], of_few


def _differences(con: duckdb.DuckDBPyConnection, one: Node, other: Node) -> Iterator[str]:
    """Sums of what both count, by every choice of what both tell apart: a difference so small is of so few."""
    ours, theirs = _dimensions(one, coarser=True), _dimensions(other, coarser=True)
    common = [name for name in ours if name in theirs]
    for count in _counts(one).keys() & _counts(other).keys():
        for size in range(len(common) + 1):
            for key in combinations(common, size):
                using = f"full join other using ({', '.join(key)})" if key else "cross join other"
                found = _count(
                    con,
                    f"from (with one as ({_sums(one, key, _counts(one)[count])}), other as "
                    f"({_sums(other, key, _counts(other)[count])}) select * from one {using} where "
                    f"abs(coalesce(one.counted, 0) - coalesce(other.counted, 0)) between 1 and {FEW})",
                )
                # two totals that have no column in common, of which each leaves out others, differ by chance
                if found and (common or _is_whole(con, one, count) or _is_whole(con, other, count)):
                    yield f"{one.name} less {other.name}, {count} by {key}: {found} differences of 1 to {FEW}"


def _is_whole(con: duckdb.DuckDBPyConnection, mart: Node, count: str) -> bool:
    """Whether nothing is left out of the sum of what a mart counts."""
    told, true = (con.execute(_sums(mart, (), _counts(mart)[count], door)).fetchone() for door in ("open", "exact"))
    return told == true


def _persons(con: duckdb.DuckDBPyConnection, mart: Node) -> Iterator[str]:
    """Of payments, whose persons are known: groups that are shown, what is left of a total, and totals left out."""
    assert mart.small_groups
    dimensions = _dimensions(mart)
    if not {*dimensions} <= {"date_day", "hour_of_day", "product", "auth_method", "merchant_category", "region_code"}:
        return
    cell, total = list(dimensions), [name for name, own in dimensions.items() if own not in mart.small_groups.by]
    for figures in mart.small_groups.figures:
        persons = figures.persons[0]
        con.execute(
            f"create or replace temp table placed as "
            f"select fact.*, date_trunc('month', date_day) as month, cells.counted is not null as has_cell, "
            f"totals.counted is not null as has_total from fact "
            f"left join ({_sums(mart, tuple(cell), persons)}) as cells using ({', '.join(cell)}) "
            f"left join ({_sums(mart, tuple(total), persons)}) as totals using ({', '.join(total)}) "
            f"where {_POPULATIONS[persons]}"
        )
        groups: dict[str, tuple[str, str]] = {
            "cells": ("has_cell", ", ".join(cell)),
            "remainders of a total": ("has_total and not has_cell", ", ".join(total)),
        }
        for level in ("month", "product", "month, product"):
            groups[f"totals left out of a {level}"] = (
                f"not has_total and ({level}) in (select ({level}) from placed where has_total)", level
            )  # fmt: skip
        for what, (where, key) in groups.items():
            found = _count(
                con,
                f"from (select 1 from placed where {where} group by {key} having count(distinct party) <= {FEW})",
            )
            if found:
                yield f"{mart.name}.{persons}: {found} {what} are of 1 to {FEW} persons"


def _steps(con: duckdb.DuckDBPyConnection, mart: Node) -> Iterator[str]:
    """What a row says that the one before did not, of so few or with nobody more; and what is left to the last one."""
    assert mart.small_groups
    along = mart.small_groups.along
    series = [name for name in mart.key if name != along]
    each = (f"partition by {', '.join(series)} " if series else "") + f"order by {along}"
    for figures in mart.small_groups.figures:
        if figures.of_the_day or not figures.persons:
            continue
        told = figures.columns or [column.name for column in mart.columns if column.name not in mart.key]
        flows = ", ".join(f"sum({name}) over ({each}) as {name}" for name in figures.flows)
        rows = f"(select * {f'replace ({flows})' if flows else ''} from {{}}.{mart.relation})"
        changed = " or ".join(f"{name} is distinct from lag({name}, 1, {name}) over ({each})" for name in told)
        for persons in figures.persons:
            moved = f"abs(coalesce({persons}, 0) - coalesce(lag({persons}) over ({each}), 0))"
            few = f"{moved} between 1 and {FEW}"
            if len(figures.persons) == 1:
                few = f"{few} or {moved} = 0 and ({changed})"
            if found := _count(con, f"from (select {few} as is_found from {rows.format('open')}) where is_found"):
                yield f"{mart.name}: {found} rows in which {persons} changed by 0 to {FEW}"
        if mart.small_groups.ends_at_total:
            told_last = f"arg_max({figures.persons[0]}, {along}) as told"
            ends = f"select {', '.join([*series, told_last])} from {{}} group by all"
            open_ends, exact_ends = (ends.format(rows.format(door)) for door in ("open", "exact"))
            left = "exact_ends.told - coalesce(open_ends.told, 0)"
            found = _count(
                con,
                f"from ({exact_ends}) as exact_ends join ({open_ends}) as open_ends using ({', '.join(series)}) "
                f"where {left} between 1 and {FEW} and exact_ends.told > {FEW}",
            )
            if found:
                yield f"{mart.name}: {found} totals of which {figures.persons[0]} leaves 1 to {FEW}"


def _parts(con: duckdb.DuckDBPyConnection, mart: Node) -> Iterator[str]:
    """Of two columns of a row, of which one counts a part of the other's: what is left."""
    assert mart.small_groups
    if mart.small_groups.along:  # columns move on days of their own
        return
    same = " and ".join(f"{name} is not null" for name in mart.small_groups.by) or "true"  # merged rows differ in whom
    counts = [name for name in _counts(mart).values() if not any(word in name for word in ("per_", "days"))]
    for whole in counts:
        for part in counts:
            is_part = part.startswith(f"{whole}_") or part.endswith(f"_{whole}")
            if is_part and part != f"{whole}_payers" and not part.startswith("fewest_"):  # whose payments; not a part
                where = f"{whole} - {part} between 1 and {FEW} and {same}"
                if found := _count(con, f"from open.{mart.relation} where {where}"):
                    yield f"{mart.name}: {found} rows in which {whole} less {part} is 1 to {FEW}"
    for sql in _WORKED_OUT.get(mart.relation, ()):
        if found := _count(con, f"from open.{mart.relation} where {sql} between 1 and {FEW}"):
            yield f"{mart.name}: {found} rows in which {sql} is 1 to {FEW}"


def _periods(con: duckdb.DuckDBPyConnection, mart: Node) -> Iterator[str]:
    """What is left of all periods after those that are shown, and of a period's lines after those of the next one."""
    period, every, counts = _PERIODS[mart.relation]
    rest = ", ".join(name for name in mart.key if name != period)
    for count in counts:
        left = f"max({count}) filter ({period} = '{every}') - sum({count}) filter ({period} <> '{every}')"
        if found := _count(
            con, f"from (select {left} as few from open.{mart.relation} group by {rest}) where few between 1 and {FEW}"
        ):
            yield f"{mart.name}: of {found} sums over periods, those shown leave {count} of 1 to {FEW}"
    lost = f"lines - departures - lead(lines) over (partition by {rest} order by period_starts_on)"
    rows = f"(select {lost} as few from open.{mart.relation} where {period} <> '{every}')"
    if found := _count(con, f"from {rows} where few between 1 and {FEW}"):
        yield f"{mart.name}: {found} periods after which 1 to {FEW} lines are missing that did not depart"


def _dimensions(mart: Node, coarser: bool = False) -> dict[str, str]:
    """Columns of the key by the name that all marts have for them, each with SQL for it."""
    found = {_SAME.get(name, name): name for name in mart.key}
    if mart.relation in _TOTAL_ROWS:
        found = {name: sql for name, sql in found.items() if name == "month"}
    if coarser:
        found |= {name: sql.format(found[fine]) for fine, (name, sql) in _COARSER.items() if fine in found}
    return found


def _counts(mart: Node) -> dict[str, str]:
    amounts = ("amount", "fee", "etf")
    return {
        _SAME.get(column.name, column.name): column.name
        for column in mart.columns
        if column.data_type == "bigint"
        and not {column.name} & {*mart.key, *_UNLIKE.get(mart.relation, ())}
        and not any(a in column.name for a in amounts)
    }


def _sums(mart: Node, key: Sequence[str], count: str, door: str = "open", few: str = "null") -> str:
    dimensions = _dimensions(mart, coarser=True)
    columns = "".join(f"{dimensions[name]} as {name}, " for name in key)
    told = [f"{dimensions[name]} is not null" for name in key] + [_TOTAL_ROWS.get(mart.relation, "true")]
    return (
        f"select {columns}sum({count}) as counted, {few} as few from {door}.{mart.relation} "
        f"where {' and '.join(told)} group by all having counted is not null"
    )


def _count(con: duckdb.DuckDBPyConnection, rest: str) -> int:
    row = con.execute(f"select count(*) {rest}").fetchone()
    assert row is not None
    return int(row[0])
