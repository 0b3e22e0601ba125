"""Find what is there twice, and count what became of the rows of each file."""

from __future__ import annotations

from datetime import date

from orchestration.base.sql import identifier
from orchestration.ingest.batch.tables import Batch, Outcome
from orchestration.ingest.delivery import size_of
from orchestration.ingest.receipt import FileCount
from orchestration.ingest.survey import Survey


def find_repeats(batch: Batch) -> None:
    """Among acceptable rows of a day: exact repeats are duplicates, same key with other content a conflict.

    Keys are first compared by hash alone: that costs a third of grouping by the texts themselves.
    """
    key = ", ".join(identifier(column.raw_name) for column in batch.feed.key)
    content = ", ".join(batch.raw_names)
    batch.con.execute(
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


def count(batch: Batch, outcomes: dict[date, Outcome]) -> None:
    """Count what became of the rows of each file, and why; and what is odd about those that are acceptable."""
    _count_rows(batch, outcomes)
    _count_reasons(batch, outcomes)
    if batch.feed.event_time:
        _count_far(batch, outcomes, batch.feed.event_time)


def _count_rows(batch: Batch, outcomes: dict[date, Outcome]) -> None:
    """Count each file's rows per stage independently, so that totals check each other; the survey has those read."""
    amount = identifier(batch.feed.amount) if batch.feed.amount else "null::bigint"
    measured = "count(*) as n, coalesce(sum(amount), 0)::hugeint as amount"
    stages = ("accepted", "quarantined", "duplicate", "typed")
    found = batch.con.execute(
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
        select dt, name, {", ".join(f"{one}.n, {one}.amount" for one in stages)}
        from files {" ".join(f"left join {one} using (_file_no)" for one in stages)}
        """
    ).fetchall()
    for outcome in outcomes.values():
        outcome.counts = {one.name: _file_count(outcome, one) for one in outcome.surveys.values() if one.header is None}
    for dt, name, *counted in found:
        surveyed = outcomes[dt].surveys[name]
        accepted, amount_accepted, quarantined, amount_quarantined, duplicate, amount_duplicate, _, amount_read = (
            value or 0 for value in counted
        )
        outcomes[dt].counts[name] = _file_count(
            outcomes[dt], surveyed, accepted=accepted, quarantined=quarantined, duplicate=duplicate,
            amount_read=amount_read, amount_accepted=amount_accepted,
            amount_quarantined=amount_quarantined, amount_duplicate=amount_duplicate,
        )  # fmt: skip


def _count_reasons(batch: Batch, outcomes: dict[date, Outcome]) -> None:
    """Count quarantined rows by reason; and accepted ones with a masked subscriber number, by column."""
    reasons = batch.con.execute(
        "select dt, reason, count(*) from ("
        "select _file_no, unnest(_reasons) as reason from judged where _reasons is not null union all "
        "select _file_no, 'KEY_CONFLICT' from repeats where not is_duplicate union all "
        "select _file_no, unnest(reasons) from rejects) join files using (_file_no) group by all order by all"
    ).fetchall()
    for dt, reason, rows in reasons:
        outcomes[dt].reasons[reason] = rows
    hidden = batch.con.execute(
        "select dt, name, count(*) from ("
        "select dt, unnest(_hidden) as name from judged where _hidden is not null and _reasons is null) "
        "group by all order by all"
    ).fetchall()
    for dt, name, rows in hidden:
        outcomes[dt].hidden[name] = rows


def _count_far(batch: Batch, outcomes: dict[date, Outcome], event_time: str) -> None:
    """Acceptable rows that happened after their delivery's day, or longer before it than the contract says.

    A day's grace: an extract that is written in the small hours has some rows of these.
    """
    happened = identifier(event_time)
    (kind,) = (column.base_type for column in batch.feed.columns if column.raw_name == event_time)
    # a day's bounds are cast once: to find the local date of every row would cost more than to judge it
    far = batch.con.execute(
        f"""
        select dt, count(*) filter ({happened} >= bounds.after), count(*) filter ({happened} < bounds.before)
        from judged
        join (
            select dt, cast(dt + 2 as {kind}) as after, cast(dt - {batch.feed.event_time_days} as {kind}) as before
            from (select distinct dt from files)
        ) as bounds using (dt)
        where _reasons is null
        group by all
        """
    ).fetchall()
    for dt, ahead, behind in far:
        outcomes[dt].rows_ahead, outcomes[dt].rows_behind = ahead, behind


def _file_count(outcome: Outcome, surveyed: Survey, **counted: int) -> FileCount:
    """What is known of a file's rows, with what was odd about the file."""
    name = surveyed.name
    return FileCount(
        name=name, bytes=size_of(surveyed.path), sha256=outcome.delivery.sha256_by_file[name], read=surveyed.read,
        is_empty=surveyed.header is None, read_as=surveyed.read_as,
        may_be_cut=not (surveyed.is_ended or outcome.delivery.is_vouched_for(name)),
        **counted,
    )  # fmt: skip
