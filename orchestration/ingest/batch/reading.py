"""Read files into `judged` and `rejects`: every record of every file once, or the delivery is refused.

Before that, `survey` counts each file's records by itself; what is read has to agree with it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from itertools import chain
from pathlib import Path

from orchestration.base.sql import exact, identifier, literal
from orchestration.ingest.batch.tables import Batch, Outcome
from orchestration.ingest.batch.weighed import judged_sql
from orchestration.ingest.faults import RefusedError, reading
from orchestration.ingest.layout import Layout, read_layout
from orchestration.ingest.names import is_parquet
from orchestration.ingest.survey import LONG_LINE, OPEN_QUOTE, Survey, survey

#: A file with its number in the batch and its day.
Member = tuple[int, date, Survey]


def read_all(batch: Batch, outcomes: dict[date, Outcome]) -> None:
    """Read every file; one whose records cannot be told apart is read a second time, line by line.

    A delivery of which a file cannot be read is refused, by the file's name; the others are not held up by it.
    Files whose quotes do not balance come first, so that little is copied if they are to be read again.
    """
    _create_tables(batch)
    paths = {dt: outcome.delivery.files for dt, outcome in outcomes.items()}
    numbers = {path: number for number, path in enumerate(chain.from_iterable(paths.values()))}
    surveys = _survey(batch, outcomes, paths)
    for is_balanced in (False, True):
        _read_or_refuse(batch, outcomes, numbers, [one for one in surveys if (one.records is not None) == is_balanced])
    for outcome in outcomes.values():
        outcome.refusal = outcome.refusal or _trailer_disagrees(outcome)
    _number_rows(batch)


def _read_or_refuse(
    batch: Batch, outcomes: dict[date, Outcome], numbers: Mapping[Path, int], surveys: Sequence[Survey]
) -> None:
    """Read some files, if need be twice, and refuse the deliveries of those that cannot be read."""
    if not surveys:
        return
    unread = _read(batch, outcomes, numbers, surveys)
    _refuse(outcomes, {path: said for path, said in unread.items() if is_parquet(path.name)})
    again: dict[date, list[Path]] = {}
    for dt, outcome in outcomes.items():
        if not outcome.refusal and (paths := [path for path in outcome.delivery.files if path in unread]):
            again[dt] = paths
    if again:
        _forget(batch, [numbers[path] for path in chain.from_iterable(again.values())])
        _refuse(outcomes, _read(batch, outcomes, numbers, _survey(batch, outcomes, again, by_line=True)))


def _create_tables(batch: Batch) -> None:
    values = ", ".join(f"{identifier(column.raw_name)} {column.judged_type}" for column in batch.feed.columns)
    batch.con.execute(
        "create temp table files (_file_no integer, dt date, name varchar, path varchar, "
        "layout_no integer, place ubigint)"
    )
    batch.con.execute(
        f"create temp table judged (_file_no integer, dt date, {values}, _reasons varchar[], _masked varchar, "
        "_hidden varchar[])"
    )
    batch.con.execute(
        "create temp table rejects (_file_no integer, row_number bigint, line varchar, reasons varchar[])"
    )


def _forget(batch: Batch, numbers: Sequence[int]) -> None:
    """Leave out what was read of some files; by copies, since deleted rows may let `rowid` change later."""
    for name in ("files", "judged", "rejects"):
        batch.con.execute(f"create temp table kept as from {name} where _file_no not in $1", [numbers])
        batch.con.execute(f"drop table {name}")
        batch.con.execute(f"alter table kept rename to {name}")


def _refuse(outcomes: dict[date, Outcome], hopeless: Mapping[Path, str]) -> None:
    """Refuse the deliveries of files that cannot be read."""
    for outcome in outcomes.values():
        said = [hopeless[path] for path in outcome.delivery.files if path in hopeless]
        outcome.refusal = outcome.refusal or next(iter(said), None)


def _survey(
    batch: Batch, outcomes: dict[date, Outcome], paths: Mapping[date, Sequence[Path]], *, by_line: bool = False
) -> list[Survey]:
    """Survey files of deliveries not yet refused, some at a time; a file that is not whole refuses its delivery.

    Files that hold nothing are left out, beside others.
    """
    found: list[Survey] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        surveying = {
            dt: [pool.submit(survey, path, batch.feed, batch.scratch, by_line=by_line) for path in files]
            for dt, files in paths.items()
            if not outcomes[dt].refusal and _is_as_listed(outcomes[dt])
        }
        for dt, futures in surveying.items():
            try:
                surveys = [future.result() for future in futures]
                _refuse_if_empty(surveys)
            except RefusedError as error:
                outcomes[dt].refusal = str(error)
            else:
                outcomes[dt].surveys |= {one.name: one for one in surveys}
                found += [one for one in surveys if one.header is not None]
    return found


def _refuse_if_empty(surveys: Sequence[Survey]) -> None:
    if all(one.header is None for one in surveys):
        raise RefusedError(f"{surveys[0].name}: is empty, without a header")


def _is_as_listed(outcome: Outcome) -> bool:
    try:
        outcome.delivery.check_files()
    except RefusedError as error:
        outcome.refusal = str(error)
    return outcome.refusal is None


def _trailer_disagrees(outcome: Outcome) -> str | None:
    """Which file's trailer counts other rows than were read."""
    for one in outcome.surveys.values():
        if one.trailer_rows not in (None, one.read):
            return f"{one.name}: {one.read} rows, but {one.trailer_rows} in its trailer"
    return None


def _read(
    batch: Batch, outcomes: dict[date, Outcome], numbers: Mapping[Path, int], surveys: Sequence[Survey]
) -> dict[Path, str]:
    """Fill `files`, `judged` and `rejects`; returns the files that could not be read, each with the reason."""
    layouts: dict[Layout, list[Member]] = {}
    for found in surveys:
        outcome = next(outcome for outcome in outcomes.values() if found.path in outcome.delivery.files)
        try:
            layout = read_layout(batch.con, found, batch.feed, batch.scratch)
        except RefusedError as error:
            outcome.refusal = str(error)
            continue
        layouts.setdefault(layout, []).append((numbers[found.path], outcome.delivery.dt, found))
        outcome.unknown_columns += [name for name in layout.unknown if name not in outcome.unknown_columns]
    unread: dict[Path, str] = {}
    for layout, members in layouts.items():
        unread |= _insert(batch, layout, members)
    _gather_rejects(batch)
    counts = _count(batch, [numbers[one.path] for one in surveys])
    return unread | {
        one.path: f"{one.name}: its records cannot be told apart"
        for one in surveys
        if one.path not in unread and not one.take(counts.get(numbers[one.path], 0))
    }


def _number_rows(batch: Batch) -> None:
    """Number the rows of each delivery, its files in the order of their names, whatever else is in the batch."""
    for column in batch.feed.columns:
        if column.is_row_number:
            batch.con.execute(
                f"update judged set {identifier(column.raw_name)} = numbered.place from ("
                "select rowid as seq, row_number() over (partition by dt order by _file_no, rowid) as place from judged"
                ") as numbered where judged.rowid = numbered.seq"
            )


def _insert(batch: Batch, layout: Layout, members: Sequence[Member]) -> dict[Path, str]:
    """Read files of one layout together, or, if a reader gives up, one by one to find those that it gives up on."""
    surveys = [found for _, _, found in members]
    number = batch.number("select coalesce(max(layout_no), 0) + 1 from files")
    batch.con.execute(
        f"insert into files select unnest($1), unnest($2), unnest($3), unnest($4), {number}, unnest($5)",
        [
            [file_no for file_no, _, _ in members],
            [dt for _, dt, _ in members],
            [found.name for found in surveys],
            [str(found.readable) for found in surveys],
            list(range(len(members))),
        ],
    )
    try:
        with reading(surveys[0].name, *(found.readable for found in surveys)):
            paths = [exact(found.readable) for found in surveys]
            batch.con.execute(f"insert into judged {judged_sql(batch, layout, number)}", [paths])
    except RefusedError as error:
        batch.con.execute("delete from files where layout_no = $1", [number])
        if len(members) == 1:
            return {surveys[0].path: str(error)}
        alone = [_insert(batch, layout, [member]) for member in members]
        return {path: said for one in alone for path, said in one.items()}
    return {}


def _count(batch: Batch, numbers: Sequence[int]) -> dict[int, int]:
    """How many records were found in each of these files; of none, nothing."""
    counts: list[tuple[int, int]] = batch.con.execute(
        "select _file_no, count(*) from ("
        "select _file_no from judged union all select _file_no from rejects) where _file_no in $1 group by all",
        [numbers],
    ).fetchall()
    return dict(counts)


def _gather_rejects(batch: Batch) -> None:
    """Lines that are not rows, each once, with the errors found in it; `row_number` is its place in the file."""
    if not batch.number("select count(*) from duckdb_tables() where table_name = 'reject_errors'"):
        return
    marks = f"{_character(OPEN_QUOTE)} || {_character(LONG_LINE)}"
    batch.con.execute(
        f"""
        insert into rejects
        select files._file_no, errors.line::bigint - 1 as row_number,
            any_value(case when contains({marks}, left(errors.told, 1))
                then rtrim(trim(errors.told, {marks}), {literal(batch.feed.delimiter)}) else errors.told end) as line,
            list(distinct 'STRUCTURE:' || case
                when left(errors.told, 1) = {_character(OPEN_QUOTE)} then 'OPEN_QUOTE'
                when left(errors.told, 1) = {_character(LONG_LINE)} or errors.error_type = 'LINE SIZE OVER MAXIMUM'
                    then 'LONG_LINE'
                else replace(errors.error_type::varchar, ' ', '_') end) as reasons
        from (select distinct scan_id, file_id, file_path from reject_scans) as scans
        join (select *, ltrim(csv_line, chr(10) || chr(13)) as told from reject_errors) as errors
            using (scan_id, file_id)
        join files on files.path = scans.file_path
        group by files._file_no, errors.line
        """
    )
    batch.con.execute("drop table reject_errors")
    batch.con.execute("drop table reject_scans")


def _character(letter: str) -> str:
    return f"chr({ord(letter)})"
