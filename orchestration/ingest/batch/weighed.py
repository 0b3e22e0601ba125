"""SQL that judges what a reader gives: typed values; of a bad row the reasons, and what may be shown of it."""

from __future__ import annotations

from orchestration.base.sql import identifier, literal
from orchestration.ingest.batch.masked import masked_texts
from orchestration.ingest.batch.tables import Batch
from orchestration.ingest.judge import Judged, holds_name
from orchestration.ingest.layout import Layout, source_sql


def judged_sql(batch: Batch, layout: Layout, layout_no: int) -> str:
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
