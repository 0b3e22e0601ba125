"""Where in its file a row stands: raw does not keep it, and the file, read again, tells it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from orchestration.base.settings import Settings
from orchestration.base.sql import identifier, literal
from orchestration.contracts import Column, Feed
from orchestration.ingest.batch.counting import find_repeats
from orchestration.ingest.batch.reading import read_all
from orchestration.ingest.batch.tables import Batch, Outcome
from orchestration.ingest.delivery import find_delivery
from orchestration.ingest.receipt import Receipt
from orchestration.ingest.workspace import Workspace
from orchestration.privacy import PseudonymKey, numbers
from orchestration.privacy.masking import without_numbers


def numbered_sql(rows: str) -> str:
    """Rows of `judged`, as `_file_no`, `seq` and more, with `row_number`: the record of the file, from 1.

    Lines that are not rows are records, too.
    """
    return f"""
        select placed.* exclude (rows_before), placed.rows_before + 1 + coalesce(passed.ordinal, 0) as row_number
        from (
            select found.*, found.seq - first_seq.seq as rows_before
            from {rows} as found
            join (select _file_no, min(rowid) as seq from judged group by all) as first_seq using (_file_no)
        ) as placed
        asof left join (
            select _file_no, rows_before, max(ordinal) as ordinal
            from (
                select _file_no, row_number() over (partition by _file_no order by row_number) as ordinal,
                    row_number - ordinal as rows_before,
                from rejects
            )
            group by all
        ) as passed on passed._file_no = placed._file_no and placed.rows_before >= passed.rows_before
        """


def locate(
    con: duckdb.DuckDBPyConnection, settings: Settings, feed: Feed, key: PseudonymKey, receipts: Sequence[Receipt]
) -> list[Receipt]:
    """Fill the temporary table `places` with the rows of these revisions that raw took or that were duplicates.

    It has `dt`, `rev`, `file`, `row_number`, `is_duplicate` and the contract's key by its names in raw. Files that are
    no longer in landing as they were have no rows in it; their receipts are returned.
    """
    key.install(con)
    numbers.install(con, settings.site_profile.numbers)
    keys = ", ".join(f"{_value(column)} as {identifier(column.raw_name)}" for column in feed.key)
    types = ", ".join(f"{identifier(column.raw_name)} {column.raw_type}" for column in feed.key)
    con.execute(
        "create temp table places "
        f"(dt date, rev integer, file varchar, row_number bigint, is_duplicate boolean, {types})"
    )
    gone = []
    with Workspace(settings, feed.name) as workspace:
        for receipt in receipts:
            if not _locate(con, settings, feed, workspace.scratch, receipt, keys):
                gone.append(receipt)
    return gone


def _locate(
    con: duckdb.DuckDBPyConnection, settings: Settings, feed: Feed, scratch: Path, receipt: Receipt, keys: str
) -> bool:
    delivery = find_delivery(settings.landing_dir, feed, receipt.dt)
    if delivery is None or delivery.sha256 != receipt.sha256:
        return False
    batch = Batch(con, feed, settings.site_profile.numbers, scratch, is_alone=True)
    outcomes = {receipt.dt: Outcome(delivery)}
    read_all(batch, outcomes)
    find_repeats(batch)
    con.execute(
        f"""
        insert into places by name
        select files.dt, {receipt.rev} as rev, {shown_name(batch)} as file, row_number, is_duplicate,
            {", ".join(identifier(column.raw_name) for column in feed.key)}
        from ({
            numbered_sql(f'''(
            select judged._file_no, judged.rowid as seq, coalesce(repeats.is_duplicate, false) as is_duplicate, {keys}
            from judged left join repeats on repeats.seq = judged.rowid
            where _reasons is null and repeats.is_duplicate is distinct from false
        )''')
        }) join files using (_file_no)
        """
    )
    batch.clear()
    return True


def shown_name(batch: Batch) -> str:
    """SQL for a file's name in the table `files`, without the subscriber numbers that are in it."""
    names = [name for (name,) in batch.con.execute("select distinct name from files").fetchall()]
    masked = {name: shown for name in names if (shown := without_numbers(name, batch.plan)) != name}
    whens = " ".join(f"when {literal(name)} then {literal(shown)}" for name, shown in masked.items())
    return f"case files.name {whens} else files.name end" if whens else "files.name"


def _value(column: Column) -> str:
    """A key's value as raw has it."""
    name = f"judged.{identifier(column.raw_name)}"
    return f"pseudonym({literal(column.pseudonym_kind)}, {name})" if column.pseudonym_kind else name
