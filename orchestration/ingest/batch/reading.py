"""Read files into `judged` and `rejects`: every record of every file once, or the delivery is refused.

Before that, `survey` counts each file's records by itself; what is read has to agree with it.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

from orchestration.base.sql import exact, identifier, literal
from orchestration.ingest.batch.masked import masked_texts
from orchestration.ingest.batch.tables import Batch, Outcome
from orchestration.ingest.faults import RefusedError, reading
from orchestration.ingest.judge import Judged, holds_name
from orchestration.ingest.layout import Layout, read_layout, source_sql
from orchestration.ingest.names import is_parquet
from orchestration.ingest.survey import LONG_LINE, OPEN_QUOTE, Survey, survey

#: A file with its number in the batch and its day.
Member = tuple[int, date, Survey]


def read_all(batch: Batch, outcomes: dict[date, Outcome]) -> None:
    """Read every file; one whose records cannot be told apart a second time, line by line.

    A delivery of which a file cannot be read is refused, by the file's name; the others are not held up by it.
    """
    by_line: set[Path] = set()
    while True:
        batch.clear()
        surveys = _survey(batch, outcomes, by_line)
        unread = _read(batch, outcomes, surveys)
        found = _count(batch)
        unread |= {
            one.path: f"{one.name}: its records cannot be told apart"
            for file_no, one in enumerate(surveys)
            if one.path not in unread and not one.take(found.get(file_no, 0))
        }
        hopeless = {path: said for path, said in unread.items() if path in by_line or is_parquet(path.name)}
        for outcome in outcomes.values():
            said = [hopeless[path] for path in outcome.delivery.files if path in hopeless]
            outcome.refusal = outcome.refusal or next(iter(said), None)
            outcome.refusal = outcome.refusal or _trailer_disagrees(outcome, unread)
        refused = {path for outcome in outcomes.values() if outcome.refusal for path in outcome.delivery.files}
        if not unread.keys() - refused:
            return
        by_line |= unread.keys()


def _survey(batch: Batch, outcomes: dict[date, Outcome], by_line: Collection[Path]) -> list[Survey]:
    """Survey the files of deliveries not yet refused, some at a time; a file that is not whole refuses its delivery.

    Files that hold nothing are left out, beside others.
    """
    found: list[Survey] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        surveying = {
            dt: [
                pool.submit(survey, path, batch.feed, batch.scratch, by_line=path in by_line)
                for path in outcome.delivery.files
            ]
            for dt, outcome in outcomes.items()
            if not outcome.refusal and _is_as_listed(outcome)
        }
        for dt, futures in surveying.items():
            try:
                surveys = [future.result() for future in futures]
                _refuse_if_empty(surveys)
            except RefusedError as error:
                outcomes[dt].refusal = str(error)
            else:
                outcomes[dt].surveys = {one.name: one for one in surveys}
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


def _trailer_disagrees(outcome: Outcome, unread: Collection[Path]) -> str | None:
    """Which file's trailer counts other rows than were read."""
    for one in outcome.surveys.values():
        if one.path not in unread and one.trailer_rows not in (None, one.read):
            return f"{one.name}: {one.read} rows, but {one.trailer_rows} in its trailer"
    return None


def _read(batch: Batch, outcomes: dict[date, Outcome], surveys: Iterable[Survey]) -> dict[Path, str]:
    """Fill `files`, `judged` and `rejects`; returns the files that could not be read, each with the reason."""
    batch.con.execute(
        "create temp table files (_file_no integer, dt date, name varchar, path varchar, "
        "layout_no integer, place ubigint)"
    )
    values = ", ".join(f"{identifier(column.raw_name)} {column.judged_type}" for column in batch.feed.columns)
    batch.con.execute(
        f"create temp table judged (_file_no integer, dt date, {values}, _reasons varchar[], _masked varchar, "
        "_hidden varchar[])"
    )
    layouts: dict[Layout, list[Member]] = {}
    for file_no, found in enumerate(surveys):
        outcome = next(outcome for outcome in outcomes.values() if found.path in outcome.delivery.files)
        try:
            layout = read_layout(batch.con, found, batch.feed, batch.scratch)
        except RefusedError as error:
            outcome.refusal = str(error)
            continue
        layouts.setdefault(layout, []).append((file_no, outcome.delivery.dt, found))
        outcome.unknown_columns += [name for name in layout.unknown if name not in outcome.unknown_columns]
    unread: dict[Path, str] = {}
    for layout, members in layouts.items():
        unread |= _insert(batch, layout, members)
    _number_rows(batch)
    _gather_rejects(batch)
    return unread


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
            batch.con.execute(f"insert into judged {_judged_sql(batch, layout, number)}", [paths])
    except RefusedError as error:
        batch.con.execute("delete from files where layout_no = $1", [number])
        if len(members) == 1:
            return {surveys[0].path: str(error)}
        alone = [_insert(batch, layout, [member]) for member in members]
        return {path: said for one in alone for path, said in one.items()}
    return {}


def _count(batch: Batch) -> dict[int, int]:
    """How many records were found per file."""
    counts: list[tuple[int, int]] = batch.con.execute(
        "select _file_no, count(*) from ("
        "select _file_no from judged union all select _file_no from rejects) group by all"
    ).fetchall()
    return dict(counts)


def _judged_sql(batch: Batch, layout: Layout, layout_no: int) -> str:
    """SQL for typed values of the files bound as $1, with the reasons and the masked texts of the bad rows."""
    conditions = Judged(batch.feed, batch.plan, layout.types(batch.feed)).all_reasons()
    listed = ", ".join(f"case when {condition} then {literal(name)} end" for name, condition in conditions.items())
    hidden = {column.name: holds_name(column) for column in batch.feed.columns if column.is_masked}
    is_hiding = " or ".join(hidden.values()) or "false"
    names = ", ".join(f"case when {flag} then {literal(name)} end" for name, flag in hidden.items())
    texts = f"""
            select read.* exclude (file_index), files._file_no, files.dt
            from ({source_sql(layout, batch.feed)}) as read
            join files on files.place = read.file_index and files.layout_no = {layout_no}"""
    return f"""
        with {weighed_sql(batch, layout, texts)}
        select _file_no, dt, {", ".join(batch.raw_names)},
            case when _is_bad then list_filter([{listed}], lambda reason: reason is not null) end,
            case when _is_bad then {masked_texts(batch.feed)} end,
            case when {is_hiding} then list_filter([{names}], lambda name: name is not null) end
        from weighed
        """


def weighed_sql(batch: Batch, layout: Layout, texts: str) -> str:
    """SQL of the relations `texts` (given), `searched` for numbers, `typed` and `weighed`.

    `typed` has the values beside the texts, and `weighed` says `_is_bad`.
    """
    judged = Judged(batch.feed, batch.plan, layout.types(batch.feed))
    typed = ", ".join(f"{judged.typed_sql(column)} as {identifier(column.raw_name)}" for column in batch.feed.columns)
    searches = "".join(f", {search} as {flag}" for flag, search in judged.searches().items())
    conditions = judged.all_reasons().values()
    is_bad = " or ".join(f"coalesce({condition}, false)" for condition in conditions) or "false"
    return f"""texts as ({texts}
        ),
        searched as (select *{searches} from texts),
        typed as (select *, {typed} from searched),
        weighed as (select *, {is_bad} as _is_bad from typed)"""


def _gather_rejects(batch: Batch) -> None:
    """Lines that are not rows, each once, with the errors found in it; `row_number` is its place in the file."""
    if not batch.number("select count(*) from duckdb_tables() where table_name = 'reject_errors'"):
        batch.con.execute(
            "create temp table rejects (_file_no integer, row_number bigint, line varchar, reasons varchar[])"
        )
        return
    marks = f"{_character(OPEN_QUOTE)} || {_character(LONG_LINE)}"
    batch.con.execute(
        f"""
        create temp table rejects as
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


def _character(letter: str) -> str:
    return f"chr({ord(letter)})"
