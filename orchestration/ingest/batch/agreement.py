"""Refuse a delivery that is not what its contract or its manifest says it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from orchestration.base.sql import identifier
from orchestration.contracts import Column
from orchestration.ingest.batch.tables import Batch, Outcome
from orchestration.ingest.delivery import MANIFEST
from orchestration.ingest.judge import kind_of
from orchestration.ingest.names import header_in_message

#: A required column of which more than this share cannot be read has changed its type, given this many rows.
_RETYPED_SHARE, _RETYPED_LEAST_ROWS = 0.5, 10


def refuse_what_disagrees(batch: Batch, outcomes: dict[date, Outcome]) -> None:
    """Set the refusal of each delivery whose rows or totals are not those of its manifest, or whose column changed."""
    readable = [outcome for outcome in outcomes.values() if outcome.refusal is None]
    totals = _totals(batch, readable)
    for outcome in readable:
        outcome.refusal = _changed_type(batch, outcome) or _disagreement(batch, outcome, totals)


def _changed_type(batch: Batch, outcome: Outcome) -> str | None:
    """Refuse a delivery whose required columns are mostly unreadable: the source changed their types."""
    fewest = min((count.read for count in outcome.counts.values()), default=0)
    found: dict[str, list[str]] = {}
    for column in batch.feed.columns:
        lost = (f"EMPTY:{column.name}", f"BAD_{kind_of(column)}:{column.name}")
        if not column.required or sum(outcome.reasons.get(reason, 0) for reason in lost) <= _RETYPED_SHARE * fewest:
            continue
        rows = batch.con.execute(
            "select name, count(*), any_value(json_extract_string(_masked, $1)) "
            "from judged join files using (_file_no) "
            "where judged.dt = $2 and list_has_any(_reasons, $3) group by all",
            [f'$."{column.name}"', outcome.delivery.dt, list(lost)],
        ).fetchall()
        for name, bad, example in rows:
            read = outcome.counts[name].read
            if read >= _RETYPED_LEAST_ROWS and bad > _RETYPED_SHARE * read:
                seen = f"such as {example!r}" if example else "empty"
                said = f"column {column.name!r} cannot be read as {column.reads_as} in {bad} of {read} rows, {seen}"
                found.setdefault(name, []).append(said)
    if not found:
        return None
    told = "; ".join(f"{name}: {'; '.join(said)}" for name, said in found.items())
    return f"{told}; if the source has changed, mend the contract"


def _disagreement(batch: Batch, outcome: Outcome, totals: dict[tuple[date, str, str], Decimal]) -> str | None:
    """In what rows and totals differ from the manifest's; notes the totals."""
    manifest = outcome.delivery.manifest
    noted: defaultdict[str, Decimal] = defaultdict(Decimal)
    for entry in manifest.files if manifest else []:
        read = outcome.counts[entry.name].read
        if entry.rows is not None and entry.rows != read:
            return f"{entry.name}: {read} rows, but {entry.rows} in {MANIFEST}"
        for column, expected in entry.control_totals.items():
            if column not in _summable(batch):
                shown = header_in_message(column)
                return f"{MANIFEST}: control total of {shown!r}, which is not an amount or count of the contract"
            total = totals.get((outcome.delivery.dt, entry.name, column), Decimal(0))
            if total != expected:
                return f"{entry.name}: {column} adds up to {total:f}, but to {expected:f} in {MANIFEST}"
            noted[column] += total
    outcome.totals = dict(noted)
    return None


def _summable(batch: Batch) -> list[str]:
    return [column.name for column in batch.feed.columns if column.is_number and not column.pseudonym]


def _totals(batch: Batch, outcomes: Iterable[Outcome]) -> dict[tuple[date, str, str], Decimal]:
    """Sum per day, file and column, in the file's unit, of the columns of which some manifest gives a control total.

    Exact: a floating-point column adds up what its numbers look like, to ten decimals.
    """
    manifests = [outcome.delivery.manifest for outcome in outcomes]
    named = {column for one in manifests if one for entry in one.files for column in entry.control_totals}
    columns = [column for column in batch.feed.columns if column.name in _summable(batch) and column.name in named]
    if not columns:
        return {}
    sums = ", ".join(_sum_sql(column) for column in columns)
    rows = batch.con.execute(
        f"select files.dt, name, {sums} from judged join files using (_file_no) group by all"
    ).fetchall()
    return {
        (dt, name, column.name): Decimal(total or 0).scaleb(-column.minor_units)
        for dt, name, *row in rows
        for column, total in zip(columns, row, strict=True)
    }


def _sum_sql(column: Column) -> str:
    value = identifier(column.name)
    return f"sum(try_cast({value}::varchar as decimal(38,10)))" if column.type == "DOUBLE" else f"sum({value})"
