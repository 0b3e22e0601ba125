"""Schema `raw` of the warehouse: views over the Parquet files that the receipts say are in force."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb

from orchestration.base.settings import PACKAGE, Settings
from orchestration.base.sql import columns_of, exact, identifier, literal
from orchestration.contracts import Column, Feed, load_feed
from orchestration.ingest.receipt import Receipt, in_force, read_receipts, revision_dir

#: A revision by its feed, day and number.
Revision = tuple[str, date, int]


def refresh_raw(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    feeds: Mapping[str, Feed],
    known_on: date | None = None,
    among: Collection[Revision] | None = None,
) -> None:
    """Point `raw.<feed>`, `raw.<feed>__all_revisions` and `raw.revision` at what has been ingested by now.

    A feed that has never arrived is an empty relation with its types. A column is null where its files were written
    under a contract without it, or where the site's contract leaves out an optional one of the shipped contract. With
    `known_on`, only revisions that had been delivered by the end of that day, in the site's time zone, are there; with
    `among`, only these.
    """
    receipts = [
        receipt
        for feed in sorted(feeds)
        for receipt in read_receipts(settings.raw_dir, feed)
        if receipt.status == "ACCEPTED"
        and (known_on is None or _delivered_on(receipt, settings) <= known_on)
        and (among is None or (receipt.feed, receipt.dt, receipt.rev) in among)
    ]
    rev_in_force = {(receipt.feed, receipt.dt): receipt.rev for receipt in in_force(receipts)}
    con.execute("begin")
    con.execute("create schema if not exists raw")
    for feed in feeds.values():
        own = [receipt for receipt in receipts if receipt.feed == feed.name]
        currents = [receipt for receipt in own if rev_in_force[receipt.feed, receipt.dt] == receipt.rev]
        for name, kept in ((feed.name, currents), (f"{feed.name}__all_revisions", own)):
            con.execute(f"create or replace view raw.{identifier(name)} as {rows_of(con, settings, feed, kept)}")
    _list_revisions(con, "raw.revision", receipts)
    con.execute("commit")


def note_revisions_built(con: duckdb.DuckDBPyConnection, stage: str) -> None:
    """Say of a stage that it is built from the revisions that `raw.revision` lists."""
    con.execute("begin")
    con.execute("delete from pipeline.revision_built where stage = $1", [stage])
    con.execute("insert into pipeline.revision_built select $1, feed, dt, rev from raw.revision", [stage])
    con.execute("commit")


def revisions_built(con: duckdb.DuckDBPyConnection, stage: str) -> set[Revision] | None:
    """The revisions that a stage was built from when it last came to its end; None if there are none.

    A stage that was killed, or not reached yet, may have let `raw.revision` list more. A warehouse of an earlier
    version has this list alone.
    """
    for listed in (f"pipeline.revision_built where stage = {literal(stage)}", "raw.revision"):
        try:
            found = set(con.execute(f"select feed, dt, rev from {listed}").fetchall())
        except duckdb.CatalogException:
            continue
        if found:
            return found
    return None


def rows_of(con: duckdb.DuckDBPyConnection, settings: Settings, feed: Feed, receipts: Sequence[Receipt]) -> str:
    """A query over the raw rows of these revisions of a feed, with `dt` and `rev`."""
    is_mixed = bool({receipt.contract for receipt in receipts} - {feed.fingerprint})
    return _select(con, feed, _files(settings.raw_dir, receipts), is_mixed)


def revisions_in_raw(con: duckdb.DuckDBPyConnection, settings: Settings) -> str:
    """List the accepted revisions as `raw.revision` is going to, in a temporary table; return its name."""
    accepted = [receipt for receipt in read_receipts(settings.raw_dir) if receipt.status == "ACCEPTED"]
    _list_revisions(con, "revision_in_raw", accepted, "temp")
    return "revision_in_raw"


def _list_revisions(con: duckdb.DuckDBPyConnection, name: str, receipts: Sequence[Receipt], kind: str = "") -> None:
    """Make a table with one row per accepted revision."""
    con.execute(
        f"create or replace {kind} table {name} "
        "(feed varchar, dt date, rev integer, delivered_at timestamptz, is_current boolean)"
    )
    rev_in_force = {(receipt.feed, receipt.dt): receipt.rev for receipt in in_force(receipts)}
    rows = [(r.feed, r.dt, r.rev, r.delivered_at, rev_in_force[r.feed, r.dt] == r.rev) for r in receipts]
    if rows:
        con.execute(
            f"insert into {name} select unnest($1), unnest($2), unnest($3), unnest($4), unnest($5)",
            [list(column) for column in zip(*rows, strict=True)],
        )


def _delivered_on(receipt: Receipt, settings: Settings) -> date:
    return receipt.delivered_at.astimezone(ZoneInfo(settings.time_zone)).date()


def _files(raw: Path, receipts: Sequence[Receipt]) -> list[Path]:
    folders = (revision_dir(raw, receipt.feed, receipt.dt, receipt.rev) for receipt in receipts)
    return [path for folder in folders for path in sorted(folder.glob("*.parquet"))]


def _select(con: duckdb.DuckDBPyConnection, feed: Feed, files: list[Path], is_mixed: bool) -> str:
    columns = [*feed.columns, *_left_out(feed)]
    if not files:
        nulls = ", ".join(map(_null, columns))
        return f"select {nulls}, cast(null as date) as dt, cast(null as integer) as rev where false"
    listed = ", ".join(literal(exact(path)) for path in files)
    options = "hive_partitioning = true, hive_types = {'dt': date, 'rev': integer}"
    if is_mixed:  # files of several contract versions: a column added later is null in the earlier ones
        options += ", union_by_name = true"
    source = f"read_parquet([{listed}], {options})"
    held = set(columns_of(con, f"select * from {source}")) if is_mixed else {column.raw_name for column in feed.columns}
    values = ", ".join(_value(column) if column.raw_name in held else _null(column) for column in columns)
    return f"select {values}, {_delivery(files)} from {source}"


def _delivery(files: Sequence[Path]) -> str:
    """`dt` and `rev`, which are in the names of folders; of one single file, spelled out.

    The `max` of a folder's name is an internal error where there is one file (DuckDB 1.5.5).
    """
    if len(files) > 1:
        return "dt, rev"
    day, rev = (folder.name.partition("=")[2] for folder in (files[0].parent.parent, files[0].parent))
    return f"date '{day}' as dt, cast({rev} as integer) as rev"


def _left_out(feed: Feed) -> list[Column]:
    """Optional columns of the shipped contract that the site's does not have."""
    shipped = PACKAGE / "contracts" / f"{feed.name}.yaml"
    if not shipped.exists():
        return []
    known = {column.raw_name for column in feed.columns}
    return [column for column in load_feed(shipped).columns if not column.required and column.raw_name not in known]


def _value(column: Column) -> str:
    return f"cast({_name(column)} as {column.raw_type}) as {_name(column)}" if column.pseudonym else _name(column)


def _null(column: Column) -> str:
    return f"cast(null as {column.raw_type}) as {_name(column)}"


def _name(column: Column) -> str:
    return identifier(column.raw_name)
