"""The rows behind a figure: those that were counted, and those of the same deliveries that were left out, and why.

Every record that the files of these deliveries hold is in it once: counted and left out add up to what was read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from orchestration.base.files import replacing
from orchestration.base.settings import Settings
from orchestration.base.sql import exact, identifier, literal
from orchestration.contracts import Feed
from orchestration.evidence.basis import Basis, basis_of
from orchestration.evidence.deliveries import known_by, resting_on, told_sql
from orchestration.evidence.figure import FigureError, figure_of, has_restricted, published, read, span_of
from orchestration.evidence.trace import recount
from orchestration.ingest.batch.places import locate
from orchestration.ingest.receipt import Receipt, in_force, revision_dir
from orchestration.privacy.custody import shared
from orchestration.warehouse.graph import Graph
from orchestration.warehouse.raw_relations import rows_of

COUNTED = "counted"
#: What the name of a file of all rows ends in → how DuckDB writes it.
_FORMS = {".csv": "csv", ".parquet": "parquet"}
_COLUMNS = "outcome, key, state, pseudonym, dt, rev, file, row_number"


@dataclass(frozen=True)
class Row:
    """One record of a delivery; `key` and `pseudonym` are empty where it could not be read as a row."""

    outcome: str
    key: str | None
    state: str | None
    pseudonym: str | None
    dt: date
    rev: int
    file: str | None
    row_number: int | None


@dataclass(frozen=True)
class Ledger:
    """Records by what became of them, `counted` first; some of each are `rows`.

    `rows_read` is what the receipts say that the files hold; `not_located` are deliveries whose files are no longer in
    landing as they were, so that nobody can say where in them a row stood.
    """

    figure: str
    noun: str
    value: Any
    recounted: Any
    outcomes: dict[str, int]
    rows: list[Row]
    rows_read: int
    not_located: list[str]

    @property
    def left_out(self) -> dict[str, int]:
        """What was not counted, by reason."""
        return {reason: count for reason, count in self.outcomes.items() if reason != COUNTED}

    @property
    def unexplained(self) -> int:
        """Records that the files hold and the ledger does not; anything but 0 is a fault."""
        return self.rows_read - sum(self.outcomes.values())


def ledger(
    settings: Settings, graph: Graph, feeds: Mapping[str, Feed], name: str, where: str | None = None, *,
    limit: int = 5, write_to: Path | None = None,
) -> Ledger:  # fmt: skip
    """The rows behind a figure of the current publication: `limit` of each kind, and all of them `write_to` a file.

    Raises:
        FigureError: if it is not one published figure, its rows are not known, the restricted file is closed, or
            the file to write is of no known kind.
        KeyMissingError: without the pseudonym key, files are not read again.
    """
    if write_to and write_to.suffix.lower() not in _FORMS:
        raise FigureError(f"{write_to}: its name must end in one of {', '.join(_FORMS)}")
    figure = figure_of(graph, name, where)
    basis = basis_of(graph, figure)
    if basis is None:
        raise FigureError(f"{figure.node.relation}.{figure.column.name}: which rows it counts is not said by its mart.")
    feed = feeds[basis.facts.feed]
    with shared(settings) as key, published(settings) as (con, publication):
        if not has_restricted(con):
            raise FigureError("Rows are in the restricted file, which is closed to you.")
        found = read(con, figure, adds_up=basis.adds_up)
        basis.check_told(con, found)
        recounted = recount(con, basis, found.door)
        by, span = publication.published_at, span_of(con, figure, found.rows)
        wanted = {
            (one.dt, one.rev) for one in resting_on(con, settings, feed, basis, found.door, by, span) if one.is_in_force
        }
        receipts = [one for one in in_force(known_by(settings, feed.name, by)) if (one.dt, one.rev) in wanted]
        gone = locate(con, settings, feed, key, receipts)
        _fill(con, settings, feed, basis, found.door, receipts, gone)
        if write_to:
            with replacing(write_to, is_durable=False) as unfinished:
                form = _FORMS[write_to.suffix.lower()]
                con.execute(f"copy (from ledger order by all) to {literal(str(unfinished))} (format {form})")
        return Ledger(
            str(figure), basis.facts.noun, found.value, recounted, _outcomes(con), _some(con, limit),
            sum(receipt.rows_read for receipt in receipts), [f"{one.feed} {one.dt} rev {one.rev}" for one in gone],
        )  # fmt: skip


def _fill(
    con: duckdb.DuckDBPyConnection, settings: Settings, feed: Feed, basis: Basis, door: str,
    receipts: Sequence[Receipt], gone: Sequence[Receipt],
) -> None:  # fmt: skip
    """Fill the temporary table `ledger`."""
    names = basis.facts
    con.execute(f"create temp table delivered as {rows_of(con, settings, feed, receipts)}")
    facts = (
        f"(select fact.* from {basis.published} as fact "
        f"where {names.fact_key} in (select {names.event_key} from delivered as event))"
    )
    shared_key = " and ".join(
        f"event.{identifier(column.raw_name)} = places.{identifier(column.raw_name)}" for column in feed.key
    )
    con.execute(
        f"""
        create temp table ledger as
        with judged as (
            select key, bool_or(left_out is null) as is_counted, min(left_out) as left_out
            from (
                select {names.fact_key} as key, {basis.left_out_sql()} as left_out
                {basis.crossed_sql(door, facts)}
            )
            group by key
        ),
        told as ({told_sql(basis, "from delivered", door, facts)})
        select
            case
                when judged.key is null then 'of nobody in view'
                when not judged.is_counted then judged.left_out
                when told.told.dt = event.dt and told.told.rev = event.rev and told.told.state = event.{names.state}
                    then '{COUNTED}'
                when told.told.state = event.{names.state} then 'told again by another delivery'
                else 'another state of one that is counted'
            end as outcome,
            event.{names.key}::varchar as key, event.{names.state}::varchar as state,
            event.{names.pseudonym}::varchar as pseudonym, event.dt, event.rev, places.file, places.row_number
        from delivered as event
        left join judged on judged.key = {names.event_key}
        left join told on told.key = {names.event_key}
        left join places on not places.is_duplicate and places.dt = event.dt and places.rev = event.rev and {shared_key}
        """
    )
    con.execute(
        f"insert into ledger select 'an exact repeat of another row', {identifier(names.key)}::varchar, "
        f"{identifier(names.state)}::varchar, null, dt, rev, file, row_number from places where is_duplicate"
    )
    for receipt in gone:
        con.execute(
            "insert into ledger by name select 'an exact repeat of another row' as outcome, $1::date as dt, $2 as rev "
            "from range($3)",
            [receipt.dt, receipt.rev, receipt.rows_duplicate],
        )
    folders = [revision_dir(settings.quarantine_dir, feed.name, one.dt, one.rev) for one in receipts]
    files = [
        (exact(file), one) for one, folder in zip(receipts, folders, strict=True) for file in folder.glob("*.parquet")
    ]
    for file, receipt in files:
        con.execute(
            "insert into ledger by name "
            "select 'quarantined: ' || array_to_string(list_sort(reasons), ', ') as outcome, $1::date as dt, "
            "$2 as rev, file, row_number from read_parquet($3, hive_partitioning = false)",
            [receipt.dt, receipt.rev, file],
        )


def _outcomes(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    rows = con.execute(
        "select outcome, count(*) as records from ledger group by outcome order by records desc, outcome"
    ).fetchall()
    return {COUNTED: 0} | dict(rows)


def _some(con: duckdb.DuckDBPyConnection, limit: int) -> list[Row]:
    rows = con.execute(
        f"select {_COLUMNS} from ledger "
        "qualify row_number() over (partition by outcome order by dt, file, row_number, key) <= $1 "
        "order by outcome <> $2, outcome, dt, file, row_number, key",
        [limit, COUNTED],
    ).fetchall()
    return [Row(*row) for row in rows]
