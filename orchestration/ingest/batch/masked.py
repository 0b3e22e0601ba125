"""SQL for what quarantine may show of a text: nothing of a person, the shape of a number, the rest as it stands."""

from __future__ import annotations

from orchestration.base.sql import identifier
from orchestration.contracts import Column, Feed
from orchestration.privacy.masking import mask_digits_sql, mask_number_sql

_LONGEST_SHOWN = 500  # characters, after masking
_MASKED = "***"


def masked_text(column: Column, text: str) -> str:
    """What may be shown of a column's text as it was read."""
    if column.is_row_number:  # quarantine has it beside the row
        return "null"
    if column.pseudonym == "person":
        return f"if({text} is null, null, '{_MASKED}')"
    return _shortened(mask_digits_sql(text) if column.pseudonym else mask_number_sql(text))


def masked_value(column: Column) -> str:
    """What may be shown of a column's value as raw would hold it."""
    name = identifier(column.raw_name)
    if column.pseudonym:
        return f"if({name} is null, null, '{_MASKED}')"
    return _shortened(mask_number_sql(f"cast({name} as varchar)"))


def masked_line(feed: Feed) -> str:
    """What may be shown of `line`, a line that is no row: it may hold any column anywhere."""
    if any(column.pseudonym == "person" for column in feed.columns):
        return _shortened(r"regexp_replace(line, '[\p{L}\p{N}]', '#', 'g')")
    return _shortened(mask_digits_sql("line"))


def _shortened(text: str) -> str:
    return f"left({text}, {_LONGEST_SHOWN})"
