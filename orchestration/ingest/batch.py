"""Some deliveries of one feed, read, judged and written by a handful of statements.

Each row of each file gets a sequence number, its position in the batch, and ends in exactly one place:

    files ──▶ judged ──▶ accepted      raw/<feed>/dt=D/rev=N/
                   ├───▶ quarantined   masked, with every reason
                   └───▶ duplicate
          └▶ rejects ──▶ quarantined   lines that are no rows: wrong number of columns, open quotes

Before that, `survey` counts each file's records by itself; what is read has to agree with it.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb

from orchestration.contracts import Column, Feed
from orchestration.ingest.delivery import MANIFEST, Delivery, RefusedError, size_of
from orchestration.ingest.judge import all_reasons, kind_of, typed_sql
from orchestration.ingest.layout import Layout, read_layout, source_sql, text_name
from orchestration.ingest.receipt import FileCount
from orchestration.ingest.survey import LONG_LINE, OPEN_QUOTE, Survey, survey
from orchestration.privacy.masking import mask_digits_sql, mask_number_sql
from orchestration.privacy.vault import Vault
from orchestration.settings import NumberPlan
from orchestration.sql import identifier, literal

_TEMPORARY = ("files", "judged", "repeats", "identities", "rejects", "reject_errors", "reject_scans")
#: What DuckDB raises when a file is not what it seems; anything else is a fault of ours or of the machine.
_FILE_ERRORS = (duckdb.InvalidInputException, duckdb.IOException, duckdb.ConversionException)
#: Of a value in quarantine, after masking.
_LONGEST_SHOWN = 500
#: A required column of which more than this share cannot be read has changed its type, given this many rows.
_RETYPED_SHARE, _RETYPED_LEAST_ROWS = 0.5, 10


@dataclass
class Outcome:
    """What became of one delivery of the batch; `refusal` says why nothing of it was taken."""

    delivery: Delivery
    refusal: str | None = None
    surveys: dict[str, Survey] = field(default_factory=dict)
    counts: dict[str, FileCount] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=dict)
    unknown_columns: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Batch:
    """One pass over deliveries that fit into memory together."""

    con: duckdb.DuckDBPyConnection
    feed: Feed
    plan: NumberPlan
    zone: str
    scratch: Path
    vault: Vault

    def run(self, deliveries: Sequence[Delivery], accepted: Path, quarantined: Path) -> list[Outcome]:
        """Judge the deliveries' rows and write them below the two folders, one sub-folder `dt=…` per day.

        A delivery that cannot be read is refused alone; the others are not held up by it.
        """
        outcomes = {delivery.dt: Outcome(delivery) for delivery in deliveries}
        try:
            try:
                self._read_all(outcomes)
            except duckdb.Error as error:
                if not _is_about_files(error, deliveries, self.scratch):
                    raise
                if len(deliveries) > 1:  # find the one that cannot be read
                    self._clear()
                    return [self.run([delivery], accepted, quarantined)[0] for delivery in deliveries]
                (outcome,) = outcomes.values()
                outcome.refusal = _where(error, outcome.delivery)
            if any(not outcome.refusal for outcome in outcomes.values()):
                self._find_repeats()
                self._count(outcomes)
                self._refuse_what_disagrees(outcomes)
                self._write(outcomes, accepted, quarantined)
        finally:
            self._clear()
        return list(outcomes.values())

    def _clear(self) -> None:
        for name in _TEMPORARY:
            self.con.execute(f"drop table if exists {name}")

    # ------------------------------------------------------------------ reading
    def _read_all(self, outcomes: dict[date, Outcome]) -> None:
        """Read every file; one whose records cannot be told apart a second time, line by line."""
        by_line: set[Path] = set()
        while True:
            self._clear()
            surveys = self._survey(outcomes, by_line)
            try:
                found = self._read(outcomes, surveys)
            except duckdb.InvalidInputException:
                unread = {one.path for one in surveys if not one.path.name.endswith(".parquet")} - by_line
                if len(outcomes) > 1 or not unread:
                    raise
                by_line |= unread
                continue
            unclear = {one.path for file_no, one in enumerate(surveys) if not one.take(found.get(file_no, 0))}
            for outcome in outcomes.values():
                for path in sorted(unclear & set(outcome.delivery.files)):
                    if path in by_line or path.name.endswith(".parquet"):
                        outcome.refusal = outcome.refusal or f"{path.name}: its records cannot be told apart"
            still_hoped_for = {
                path
                for outcome in outcomes.values()
                if not outcome.refusal
                for path in unclear & set(outcome.delivery.files)
            }
            if not still_hoped_for:
                return
            by_line |= still_hoped_for

    def _survey(self, outcomes: dict[date, Outcome], by_line: Iterable[Path]) -> list[Survey]:
        """Survey the files of what is not refused, some at a time; a file that is not whole refuses its delivery."""
        found: list[Survey] = []
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            surveying = {
                dt: [
                    pool.submit(survey, path, self.feed, self.scratch, by_line=path in by_line)
                    for path in outcome.delivery.files
                ]
                for dt, outcome in outcomes.items()
                if not outcome.refusal and self._is_as_listed(outcome)
            }
            for dt, futures in surveying.items():
                try:
                    surveys = [future.result() for future in futures]
                except RefusedError as error:
                    outcomes[dt].refusal = str(error)
                else:
                    outcomes[dt].surveys = {one.path.name: one for one in surveys}
                    found += surveys
        return found

    def _is_as_listed(self, outcome: Outcome) -> bool:
        try:
            outcome.delivery.check_files()
        except RefusedError as error:
            outcome.refusal = str(error)
        return outcome.refusal is None

    def _read(self, outcomes: dict[date, Outcome], surveys: Iterable[Survey]) -> dict[int, int]:
        """Fill `files`, `judged` and `rejects`; returns how many records were found per file."""
        layouts: dict[Layout, list[tuple[int, date, Survey]]] = {}
        for file_no, found in enumerate(surveys):
            outcome = next(outcome for outcome in outcomes.values() if found.path in outcome.delivery.files)
            try:
                layout = read_layout(self.con, found, self.feed)
            except RefusedError as error:
                outcome.refusal = str(error)
                continue
            layouts.setdefault(layout, []).append((file_no, outcome.delivery.dt, found))
            outcome.unknown_columns += [name for name in layout.unknown if name not in outcome.unknown_columns]
        self.con.execute(
            "create temp table files (_file_no integer, dt date, name varchar, path varchar, "
            "layout_no integer, place ubigint)"
        )
        values = ", ".join(f"{identifier(column.raw_name)} {column.judged_type}" for column in self.feed.columns)
        self.con.execute(
            f"create temp table judged (_file_no integer, dt date, {values}, _reasons varchar[], _masked varchar)"
        )
        for layout_no, (layout, members) in enumerate(layouts.items()):
            self.con.execute(
                f"insert into files select unnest($1), unnest($2), unnest($3), unnest($4), {layout_no}, unnest($5)",
                [
                    [file_no for file_no, _, _ in members],
                    [dt for _, dt, _ in members],
                    [found.path.name for _, _, found in members],
                    [str(found.readable) for _, _, found in members],
                    list(range(len(members))),
                ],
            )
            paths = [str(found.readable) for _, _, found in members]
            self.con.execute(f"insert into judged {self._judged_sql(layout, layout_no)}", [paths])
        self._gather_rejects()
        counts: list[tuple[int, int]] = self.con.execute(
            "select _file_no, count(*) from ("
            "select _file_no from judged union all select _file_no from rejects) group by all"
        ).fetchall()
        return dict(counts)

    def _judged_sql(self, layout: Layout, layout_no: int) -> str:
        """SQL for typed values of the files bound as $1, with the reasons and the masked texts of the bad rows."""
        conditions = all_reasons(self.feed)
        typed = ", ".join(
            f"{typed_sql(column, self.feed, self.plan)} as {identifier(column.raw_name)}"
            for column in self.feed.columns
        )
        is_bad = " or ".join(f"coalesce({condition}, false)" for condition in conditions.values()) or "false"
        listed = ", ".join(f"case when {condition} then {literal(name)} end" for name, condition in conditions.items())
        masked = ", ".join(
            f"{literal(column.name)}, {self._masked(column, identifier(text_name(column)))}"
            for column in self.feed.columns
        )
        return f"""
            with texts as (
                select read.* exclude (file_index), files._file_no, files.dt
                from ({source_sql(layout, self.feed, self.zone)}) as read
                join files on files.place = read.file_index and files.layout_no = {layout_no}
            ),
            typed as (select *, {typed} from texts),
            weighed as (select *, {is_bad} as _is_bad from typed)
            select _file_no, dt, {", ".join(self._raw_names())},
                case when _is_bad then list_filter([{listed}], lambda reason: reason is not null) end,
                case when _is_bad then json_object({masked})::varchar end
            from weighed
            """

    def _gather_rejects(self) -> None:
        """Lines that are no rows, each once, with the errors found in it; `row_number` is its place in the file."""
        if not self._one("select count(*) from duckdb_tables() where table_name = 'reject_errors'"):
            self.con.execute(
                "create temp table rejects (_file_no integer, row_number bigint, line varchar, reasons varchar[])"
            )
            return
        self.con.execute(
            f"""
            create temp table rejects as
            select files._file_no, errors.line::bigint - 1 as row_number,
                any_value(ltrim(errors.csv_line, chr(10) || chr(13))) as line,
                list(distinct 'STRUCTURE:' || case left(ltrim(errors.csv_line, chr(10) || chr(13)), 1)
                    when {_character(OPEN_QUOTE)} then 'OPEN_QUOTE' when {_character(LONG_LINE)} then 'LONG_LINE'
                    else replace(errors.error_type::varchar, ' ', '_') end) as reasons
            from (select distinct scan_id, file_id, file_path from reject_scans) as scans
            join reject_errors as errors using (scan_id, file_id)
            join files on files.path = scans.file_path
            group by files._file_no, errors.line
            """
        )

    # ------------------------------------------------------------------ judging
    def _find_repeats(self) -> None:
        """Among acceptable rows of a day: exact repeats are duplicates, same key with other content a conflict.

        Keys are first compared by hash alone: that costs a third of grouping by the texts themselves.
        """
        key = ", ".join(identifier(column.raw_name) for column in self.feed.key)
        content = ", ".join(self._raw_names())
        self.con.execute(
            f"""
            create temp table repeats as
            with suspected as (
                select hash(dt, {key}) as key_hash from judged where _reasons is null
                group by all having count(*) > 1
            ),
            repeated as (
                select rowid as seq, *, hash(row({content})) as content_hash
                from judged where _reasons is null and hash(dt, {key}) in (select key_hash from suspected)
            ),
            compared as (
                select seq, _file_no,
                    row_number() over (partition by dt, {content} order by _file_no, seq) > 1 as is_duplicate,
                    min(content_hash) over same_key <> max(content_hash) over same_key as is_conflict,
                from repeated window same_key as (partition by dt, {key})
            )
            select seq, _file_no, is_duplicate from compared where is_duplicate or is_conflict
            """
        )

    # ------------------------------------------------------------------ counting
    def _count(self, outcomes: dict[date, Outcome]) -> None:
        """Count the rows of each file at each station, none from the others; the survey has counted what was read."""
        amount = identifier(self.feed.amount) if self.feed.amount else "null::bigint"
        measured = "count(*) as n, coalesce(sum(amount), 0)::hugeint as amount"
        stations = ("accepted", "quarantined", "duplicate", "typed")
        found = self.con.execute(
            f"""
            with typed_rows as (select rowid as seq, _file_no, _reasons, {amount} as amount from judged),
            repeated as (select * from repeats join typed_rows using (seq, _file_no)),
            bad as (
                select _file_no, amount from typed_rows where _reasons is not null
                union all select _file_no, amount from repeated where not is_duplicate
                union all select _file_no, null from rejects
            ),
            typed as (select _file_no, {measured} from typed_rows group by all),
            accepted as (
                select _file_no, {measured} from typed_rows
                where _reasons is null and seq not in (select seq from repeats) group by all
            ),
            quarantined as (select _file_no, {measured} from bad group by all),
            duplicate as (select _file_no, {measured} from repeated where is_duplicate group by all)
            select dt, name, {", ".join(f"{one}.n, {one}.amount" for one in stations)}
            from files {" ".join(f"left join {one} using (_file_no)" for one in stations)}
            """
        ).fetchall()
        for dt, name, *counted in found:
            delivery, surveyed = outcomes[dt].delivery, outcomes[dt].surveys[name]
            accepted, amount_accepted, quarantined, amount_quarantined, duplicate, amount_duplicate, _, amount_read = (
                value or 0 for value in counted
            )
            outcomes[dt].counts[name] = FileCount(
                name=name, bytes=size_of(surveyed.path), sha256=delivery.sha256_by_file[name],
                read=surveyed.read, accepted=accepted, quarantined=quarantined, duplicate=duplicate,
                amount_read=amount_read, amount_accepted=amount_accepted,
                amount_quarantined=amount_quarantined, amount_duplicate=amount_duplicate,
            )  # fmt: skip
        reasons = self.con.execute(
            "select dt, reason, count(*) from ("
            "select _file_no, unnest(_reasons) as reason from judged where _reasons is not null union all "
            "select _file_no, 'KEY_CONFLICT' from repeats where not is_duplicate union all "
            "select _file_no, unnest(reasons) from rejects) join files using (_file_no) group by all order by all"
        ).fetchall()
        for dt, reason, rows in reasons:
            outcomes[dt].reasons[reason] = rows

    def _refuse_what_disagrees(self, outcomes: dict[date, Outcome]) -> None:
        readable = [outcome for outcome in outcomes.values() if outcome.refusal is None]
        totals = self._totals(readable)
        for outcome in readable:
            outcome.refusal = self._changed_type(outcome) or self._disagreement(outcome, totals)

    def _changed_type(self, outcome: Outcome) -> str | None:
        """What became of a required column that can no longer be read: that is no delivery with many bad rows."""
        fewest = min((count.read for count in outcome.counts.values()), default=0)
        for column in self.feed.columns:
            lost = (f"EMPTY:{column.name}", f"BAD_{kind_of(column)}:{column.name}")
            if not column.required or sum(outcome.reasons.get(reason, 0) for reason in lost) <= _RETYPED_SHARE * fewest:
                continue
            rows = self.con.execute(
                "select name, count(*), any_value(json_extract_string(_masked, $1)) "
                "from judged join files using (_file_no) "
                "where judged.dt = $2 and list_has_any(_reasons, $3) group by all",
                [f'$."{column.name}"', outcome.delivery.dt, list(lost)],
            ).fetchall()
            for name, bad, example in rows:
                read = outcome.counts[name].read
                if read >= _RETYPED_LEAST_ROWS and bad > _RETYPED_SHARE * read:
                    seen = f"such as {example!r}" if example else "empty"
                    return (
                        f"{name}: column {column.name!r} cannot be read as {column.type} in {bad} of {read} rows, "
                        f"{seen}; if the source has changed it, mend the contract"
                    )
        return None

    def _disagreement(self, outcome: Outcome, totals: dict[tuple[date, str, str], int]) -> str | None:
        """In what rows and totals differ from the manifest's; notes the totals."""
        manifest = outcome.delivery.manifest
        noted: Counter[str] = Counter()
        for entry in manifest.files if manifest else []:
            read = outcome.counts[entry.name].read
            if entry.rows is not None and entry.rows != read:
                return f"{entry.name}: {read} rows, but {entry.rows} in {MANIFEST}"
            for column, expected in entry.control_totals.items():
                if column not in self._summable():
                    return f"{MANIFEST}: control total of {column!r}, which is no amount or count of the contract"
                total = totals.get((outcome.delivery.dt, entry.name, column), 0)
                if total != expected:
                    return f"{entry.name}: {column} adds up to {total}, but to {expected} in {MANIFEST}"
                noted[column] += total
        outcome.totals = dict(noted)
        return None

    def _summable(self) -> list[str]:
        return [column.name for column in self.feed.columns if column.is_number and not column.pseudonym]

    def _totals(self, outcomes: Iterable[Outcome]) -> dict[tuple[date, str, str], int]:
        """Sum per day, file and column, of the columns that some manifest gives a control total of."""
        manifests = [outcome.delivery.manifest for outcome in outcomes]
        named = {column for one in manifests if one for entry in one.files for column in entry.control_totals}
        columns = [column for column in self._summable() if column in named]
        if not columns:
            return {}
        sums = ", ".join(f"sum({identifier(column)})::hugeint" for column in columns)
        rows = self.con.execute(
            f"select files.dt, name, {sums} from judged join files using (_file_no) group by all"
        ).fetchall()
        return {
            (dt, name, column): total or 0
            for dt, name, *row in rows
            for column, total in zip(columns, row, strict=True)
        }

    # ------------------------------------------------------------------ writing
    def _write(self, outcomes: dict[date, Outcome], accepted: Path, quarantined: Path) -> None:
        taken = [literal(dt) for dt, outcome in outcomes.items() if not outcome.refusal]
        if not taken:
            return
        days = f"dt in ({', '.join(taken)})"
        kept = f"_reasons is null and {days}"
        if self._one("select count(*) from repeats"):
            kept += " and rowid not in (select seq from repeats)"
        self._copy(self._accepted_sql(kept), accepted)
        self._copy(self._quarantined_sql(days), quarantined)

    def _accepted_sql(self, kept: str) -> str:
        """Accepted rows under pseudonyms; an identity is hashed once, however many rows it has.

        Before a pseudonym is written, the vault knows whose it is; who was forgotten gets the random one.
        """
        secret = [column for column in self.feed.columns if column.pseudonym_kind]
        if secret:
            values = " union ".join(
                f"select distinct {literal(str(column.pseudonym_kind))} as kind, "
                f"{identifier(column.raw_name)} as value from judged "
                f"where {kept} and {identifier(column.raw_name)} is not null"
                for column in secret
            )
            self.con.execute(
                "create temp table identities as "
                f"select kind, value, pseudonym(kind, value) as pseudonym from ({values})"
            )
            self.vault.keep("identities")
        selected = ", ".join(
            f"{_identity(column)}.pseudonym as {identifier(column.raw_name)}"
            if column.pseudonym_kind
            else f"judged.{identifier(column.raw_name)}"
            for column in self.feed.columns
        )
        joins = " ".join(
            f"left join identities as {_identity(column)} "
            f"on {_identity(column)}.kind = {literal(str(column.pseudonym_kind))} "
            f"and {_identity(column)}.value = judged.{identifier(column.raw_name)}"
            for column in secret
        )
        return f"select judged.dt, {selected} from (select * from judged where {kept}) as judged {joins}"

    def _quarantined_sql(self, days: str) -> str:
        """Masked rows with file, place in the file and reasons; what conflicts with its key is shown as it was read."""
        as_read = ", ".join(f"{literal(column.name)}, {self._masked_value(column)}" for column in self.feed.columns)
        has_person = any(column.pseudonym == "person" for column in self.feed.columns)
        line = r"regexp_replace(line, '[\p{L}\p{N}]', '#', 'g')" if has_person else mask_digits_sql("line")
        return f"""
            with first_seq as (select _file_no, min(rowid) as seq from judged group by all),
            numbered_rejects as (
                select _file_no, row_number() over (partition by _file_no order by row_number) as ordinal,
                    row_number - ordinal as rows_before,
                from rejects
            ),
            passed as (select _file_no, rows_before, max(ordinal) as ordinal from numbered_rejects group by all),
            bad as (
                select rowid as seq, _file_no, _reasons as reasons, _masked as masked_row
                from judged where _reasons is not null
                union all by name
                select rowid as seq, _file_no, ['KEY_CONFLICT'] as reasons,
                    json_object({as_read})::varchar as masked_row,
                from judged where rowid in (select seq from repeats where not is_duplicate)
            ),
            placed as (
                select bad._file_no, reasons, masked_row, bad.seq - first_seq.seq as rows_before
                from bad join first_seq using (_file_no)
            ),
            numbered as (
                select placed._file_no, placed.rows_before + 1 + coalesce(passed.ordinal, 0) as row_number,
                    reasons, masked_row
                from placed asof left join passed
                    on passed._file_no = placed._file_no and placed.rows_before >= passed.rows_before
            )
            select dt, name as file, row_number, reasons, masked_row
            from (
                select _file_no, row_number, reasons, masked_row from numbered
                union all
                select _file_no, row_number, reasons,
                    json_object('line', left({line}, {_LONGEST_SHOWN}))::varchar from rejects
            ) join files using (_file_no)
            where {days}
            order by all
            """

    def _copy(self, query: str, folder: Path) -> None:
        self.con.execute(
            f"copy ({query}) to {literal(str(folder))} "
            f"(format parquet, compression zstd, partition_by (dt), overwrite_or_ignore)"
        )

    def _masked(self, column: Column, text: str) -> str:
        """SQL for what may be shown of a value: its shape, if it is personal or looks like a number."""
        if column.pseudonym == "person":
            return f"if({text} is null, null, '***')"
        if column.pseudonym:
            return f"left({mask_digits_sql(text)}, {_LONGEST_SHOWN})"
        return f"left({mask_number_sql(text, self.plan)}, {_LONGEST_SHOWN})"

    def _masked_value(self, column: Column) -> str:
        """SQL for what may be shown of a value as raw would hold it."""
        name = identifier(column.raw_name)
        if column.pseudonym:
            return f"if({name} is null, null, '***')"
        return f"left({mask_number_sql(f'cast({name} as varchar)', self.plan)}, {_LONGEST_SHOWN})"

    def _raw_names(self) -> list[str]:
        return [identifier(column.raw_name) for column in self.feed.columns]

    def _one(self, query: str, parameters: list[object] | None = None) -> int:
        row = self.con.execute(query, parameters or []).fetchone()
        return int(row[0]) if row else 0


def _is_about_files(error: duckdb.Error, deliveries: Sequence[Delivery], scratch: Path) -> bool:
    """Whether a reader's error is the file's fault. A damaged Parquet page raises errors of no class at all."""
    if isinstance(error, duckdb.IOException):
        paths = [str(scratch), *(str(delivery.folder) for delivery in deliveries)]
        return any(path in str(error) for path in paths) and "write" not in str(error)
    if type(error) is duckdb.Error:
        return any(path.name.endswith(".parquet") for delivery in deliveries for path in delivery.files)
    return isinstance(error, _FILE_ERRORS)


def _identity(column: Column) -> str:
    """Alias of the identities that a column's values are looked up in."""
    return identifier(f"identity_of_{column.name}")


def _where(error: duckdb.Error, delivery: Delivery) -> str:
    """A reader's error without the data that it quotes: its kind, and the file if it names one."""
    text = str(error)
    names = [path.name for path in delivery.files if path.name in text] or [path.name for path in delivery.files]
    return f"{names[0]}: cannot be read ({type(error).__name__})"


def _character(letter: str) -> str:
    return f"chr({ord(letter)})"
