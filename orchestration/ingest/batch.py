"""Some deliveries of one feed, read, judged and written by a handful of statements.

Each row of each file gets a sequence number, its position in the batch, and ends in exactly one place:

    source ──▶ judged ──▶ accepted      raw/<feed>/dt=D/rev=N/
                    └───▶ exceptions    quarantined (masked, with every reason), or duplicate
    rejects ────────────▶ quarantined   lines that are no rows: wrong number of columns, open quotes
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb

from orchestration.contracts import Column, Feed
from orchestration.ingest.delivery import MANIFEST, Delivery, RefusedError
from orchestration.ingest.judge import all_reasons, typed_sql
from orchestration.ingest.layout import Layout, read_layout, readable, source_sql, text_name
from orchestration.ingest.receipt import FileCount
from orchestration.privacy.masking import mask_digits_sql, mask_number_sql
from orchestration.settings import NumberPlan
from orchestration.sql import identifier, literal

_TEMPORARY = ("files", "source", "rejects", "judged", "exceptions", "reject_errors", "reject_scans")
#: What DuckDB raises when a file is not what the contract says it is; anything else is a fault of ours.
_UNREADABLE = (duckdb.InvalidInputException, duckdb.IOException, duckdb.ConversionException)


@dataclass
class Outcome:
    """What became of one delivery of the batch; `refusal` says why nothing of it was taken."""

    delivery: Delivery
    refusal: str | None = None
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

    def run(self, deliveries: Sequence[Delivery], accepted: Path, quarantined: Path) -> list[Outcome]:
        """Judge the deliveries' rows and write them below the two folders, one sub-folder `dt=…` per day.

        A delivery that cannot be read is refused alone; the others are not held up by it.
        """
        outcomes = {delivery.dt: Outcome(delivery) for delivery in deliveries}
        try:
            try:
                self._read(outcomes)
            except _UNREADABLE as error:
                if "No space left" in str(error):
                    raise
                if len(deliveries) > 1:  # find the one that cannot be read
                    self._clear()
                    return [self.run([delivery], accepted, quarantined)[0] for delivery in deliveries]
                (outcome,) = outcomes.values()
                outcome.refusal = _where(error, outcome.delivery)
            if any(not outcome.refusal for outcome in outcomes.values()):
                self._judge()
                self._count(outcomes)
                self._compare_with_manifests(outcomes)
                self._write(outcomes, accepted, quarantined)
        finally:
            self._clear()
        return list(outcomes.values())

    def _clear(self) -> None:
        for name in _TEMPORARY:
            self.con.execute(f"drop table if exists {name}")

    # ------------------------------------------------------------------ reading
    def _read(self, outcomes: dict[date, Outcome]) -> None:
        groups: dict[Layout, list[tuple[Path, Path, date]]] = {}
        for outcome in outcomes.values():
            try:
                found = self._layouts(outcome.delivery)
            except RefusedError as error:
                outcome.refusal = str(error)
                continue
            for path, source, layout in found:
                groups.setdefault(layout, []).append((path, source, outcome.delivery.dt))
                outcome.unknown_columns += [name for name in layout.unknown if name not in outcome.unknown_columns]
        texts = ", ".join(f"{text_name(column)} varchar" for column in self.feed.columns)
        self.con.execute("create temp table files (file_no integer, dt date, name varchar, source varchar)")
        self.con.execute(f"create temp table source ({texts}, file_no integer)")
        for layout, members in groups.items():
            base = self._one("select count(*) from files")
            self.con.executemany(
                "insert into files values ($1, $2, $3, $4)",
                [[base + i, dt, path.name, str(source)] for i, (path, source, dt) in enumerate(members)],
            )
            self.con.execute(
                f"insert into source select read.* exclude (filename), files.file_no "
                f"from ({source_sql(layout, self.feed, self.zone)}) as read "
                f"join files on files.source = read.filename",
                [[str(source) for _, source, _ in members]],
            )
        self._gather_rejects()

    def _layouts(self, delivery: Delivery) -> list[tuple[Path, Path, Layout]]:
        delivery.check_files()
        if not delivery.files:
            raise RefusedError(f"{MANIFEST}: there is no file beside it")
        return [
            (path, readable(path, self.feed, self.scratch), read_layout(self.con, path, self.feed))
            for path in delivery.files
        ]

    def _gather_rejects(self) -> None:
        """Lines that are no rows, each once, with the errors found in it."""
        self.con.execute(
            """
            create temp table rejects as
            select files.file_no, errors.line, any_value(errors.csv_line) as csv_line,
                list(distinct 'STRUCTURE:' || replace(errors.error_type::varchar, ' ', '_')) as reasons
            from (select distinct scan_id, file_id, file_path from reject_scans) as scans
            join reject_errors as errors using (scan_id, file_id)
            join files on files.source = scans.file_path
            group by all
            """
            if self._has_rejects()
            else "create temp table rejects (file_no integer, line ubigint, csv_line varchar, reasons varchar[])"
        )

    def _has_rejects(self) -> bool:
        return bool(self._one("select count(*) from duckdb_tables() where table_name = 'reject_errors'"))

    # ------------------------------------------------------------------ judging
    def _typed(self, where: str = "true") -> str:
        """SQL for texts and typed values of the source's rows."""
        typed = ", ".join(
            f"{typed_sql(column, self.feed, self.plan)} as {identifier(column.raw_name)}"
            for column in self.feed.columns
            if column.pseudonym or column.type != "VARCHAR" or column.values
        )
        plain = ", ".join(
            f"{text_name(column)} as {identifier(column.raw_name)}"
            for column in self.feed.columns
            if not column.pseudonym and column.type == "VARCHAR" and not column.values
        )
        values = ", ".join(part for part in (typed, plain) if part)
        return (
            f"select source.rowid as seq, file_no, dt, source.* exclude (file_no), {values} "
            f"from source join files using (file_no) where {where}"
        )

    def _judge(self) -> None:
        conditions = all_reasons(self.feed)
        values = ", ".join(self._raw_names())
        is_bad = " or ".join(f"coalesce({condition}, false)" for condition in conditions.values())
        self.con.execute(
            f"create temp table judged as select seq, file_no, dt, {values}, {is_bad} as is_bad from ({self._typed()})"
        )
        listed = ", ".join(f"case when {condition} then {literal(name)} end" for name, condition in conditions.items())
        bad = "source.rowid in (select seq from judged where is_bad)"
        self.con.execute(
            f"create temp table exceptions as "
            f"select seq, file_no, dt, false as is_duplicate, "
            f"list_filter([{listed}], lambda reason: reason is not null) as reasons from ({self._typed(bad)})"
        )
        self._find_repeats()

    def _find_repeats(self) -> None:
        """Among acceptable rows of a day: exact repeats are duplicates, same key with other content a conflict."""
        key = ", ".join(identifier(column.raw_name) for column in self.feed.key)
        content = ", ".join(self._raw_names())
        self.con.execute(
            f"""
            insert into exceptions
            with repeated_keys as (
                select dt, {key} from judged where not is_bad group by all having count(*) > 1
            ),
            repeated as (
                select judged.*, hash(row({content})) as content_hash
                from judged join repeated_keys using (dt, {key}) where not is_bad
            ),
            compared as (
                select seq, file_no, dt,
                    row_number() over (partition by dt, {content} order by seq) > 1 as is_duplicate,
                    min(content_hash) over same_key <> max(content_hash) over same_key as is_conflict,
                from repeated window same_key as (partition by dt, {key})
            )
            select seq, file_no, dt, is_duplicate, if(is_duplicate, [], ['KEY_CONFLICT'])
            from compared where is_duplicate or is_conflict
            """
        )

    # ------------------------------------------------------------------ counting
    def _count(self, outcomes: dict[date, Outcome]) -> None:
        """Count rows per file at each station, none from the others; control totals; reasons."""
        rows = self.con.execute(
            """
            with read as (
                select file_no, count(*) as n from (
                    select file_no from source union all select file_no from rejects) group by all
            ),
            accepted as (
                select file_no, count(*) as n from judged anti join exceptions using (seq) group by all
            ),
            quarantined as (
                select file_no, count(*) as n from (
                    select file_no from exceptions where not is_duplicate union all select file_no from rejects)
                group by all
            ),
            duplicate as (select file_no, count(*) as n from exceptions where is_duplicate group by all)
            select dt, name, coalesce(read.n, 0), coalesce(accepted.n, 0), coalesce(quarantined.n, 0),
                coalesce(duplicate.n, 0)
            from files left join read using (file_no) left join accepted using (file_no)
            left join quarantined using (file_no) left join duplicate using (file_no)
            """
        ).fetchall()
        for dt, name, read, accepted, quarantined, duplicate in rows:
            delivery = outcomes[dt].delivery
            outcomes[dt].counts[name] = FileCount(
                name=name, bytes=(delivery.folder / name).stat().st_size, sha256=delivery.sha256_by_file[name],
                read=read, accepted=accepted, quarantined=quarantined, duplicate=duplicate,
            )  # fmt: skip
        reasons = self.con.execute(
            "select dt, reason, count(*) from ("
            "select dt, unnest(reasons) as reason from exceptions union all "
            "select dt, unnest(reasons) from rejects join files using (file_no)) group by all order by all"
        ).fetchall()
        for dt, reason, rows_ in reasons:
            outcomes[dt].reasons[reason] = rows_

    def _compare_with_manifests(self, outcomes: dict[date, Outcome]) -> None:
        for outcome in outcomes.values():
            if outcome.refusal or outcome.delivery.manifest is None:
                continue
            totals: Counter[str] = Counter()
            for entry in outcome.delivery.manifest.files:
                read = outcome.counts[entry.name].read
                if entry.rows is not None and entry.rows != read:
                    outcome.refusal = f"{entry.name}: {read} rows, but {entry.rows} in {MANIFEST}"
                for column, expected in entry.control_totals.items():
                    total = self._total(outcome.delivery.dt, entry.name, column)
                    totals[column] += total
                    if total != expected:
                        outcome.refusal = f"{entry.name}: {column} adds up to {total}, but to {expected} in {MANIFEST}"
            outcome.totals = dict(totals)

    def _total(self, dt: date, name: str, column: str) -> int:
        if column not in {known.name for known in self.feed.columns if not known.pseudonym}:
            raise RefusedError(f"{MANIFEST}: control total of an unknown column {column!r}")
        return self._one(
            f"select coalesce(sum({identifier(column)}), 0)::bigint from judged "
            f"where file_no = (select file_no from files where dt = $1 and name = $2)",
            [dt, name],
        )

    # ------------------------------------------------------------------ writing
    def _write(self, outcomes: dict[date, Outcome], accepted: Path, quarantined: Path) -> None:
        taken = [literal(dt) for dt, outcome in outcomes.items() if not outcome.refusal]
        if not taken:
            return
        days = f"dt in ({', '.join(taken)})"
        values = ", ".join(self._raw_names())
        self._copy(f"select dt, {values} from judged anti join exceptions using (seq) where {days}", accepted)
        masked = ", ".join(f"{literal(column.name)}, {self._masked(column)}" for column in self.feed.columns)
        has_person = any(column.pseudonym == "person" for column in self.feed.columns)
        line = "regexp_replace(csv_line, '[[:alnum:]]', '#', 'g')" if has_person else mask_digits_sql("csv_line")
        self._copy(
            f"""
            with first_seq as (select file_no, min(rowid) as seq from source group by all),
            numbered_rejects as (
                select *, line - 1 - row_number() over (partition by file_no order by line) as rows_before from rejects
            )
            select dt, name as file,
                exceptions.seq - first_seq.seq + 1 + (
                    select count(*) from numbered_rejects as rejects
                    where rejects.file_no = exceptions.file_no
                        and rejects.rows_before <= exceptions.seq - first_seq.seq
                )::bigint as row_number,
                reasons, json_object({masked})::varchar as masked_row
            from exceptions
            join (select rowid as seq, * exclude (file_no) from source) using (seq)
            join files using (file_no, dt)
            join first_seq on first_seq.file_no = exceptions.file_no
            where not is_duplicate and {days}
            union all by name
            select dt, name as file, line::bigint - 1 as row_number, reasons,
                json_object('line', {line})::varchar as masked_row
            from rejects join files using (file_no) where {days}
            order by all
            """,
            quarantined,
        )

    def _copy(self, query: str, folder: Path) -> None:
        self.con.execute(
            f"copy ({query}) to {literal(str(folder))} "
            f"(format parquet, compression zstd, partition_by (dt), overwrite_or_ignore)"
        )

    def _masked(self, column: Column) -> str:
        text = text_name(column)
        if column.pseudonym == "person":
            return f"if({text} is null, null, '***')"
        return mask_digits_sql(text) if column.pseudonym else mask_number_sql(text, self.plan)

    def _raw_names(self) -> list[str]:
        return [identifier(column.raw_name) for column in self.feed.columns]

    def _one(self, query: str, parameters: list[object] | None = None) -> int:
        row = self.con.execute(query, parameters or []).fetchone()
        return int(row[0]) if row else 0


def _where(error: duckdb.Error, delivery: Delivery) -> str:
    """A reader's error without the data that it quotes: its kind, and the file if it names one."""
    text = str(error)
    names = [path.name for path in delivery.files if path.name in text] or [path.name for path in delivery.files]
    return f"{names[0]}: cannot be read ({type(error).__name__})"
