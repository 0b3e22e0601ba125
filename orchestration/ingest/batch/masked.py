"""SQL for what quarantine may show of a text: nothing of a person, the shape of a number, the rest as it stands."""

from __future__ import annotations

from collections.abc import Mapping

from orchestration.base.sql import identifier, literal
from orchestration.contracts import Column, Feed
from orchestration.ingest.typed import text_name, text_sql
from orchestration.privacy.masking import mask_digits_sql, mask_number_sql

_LONGEST_SHOWN = 500  # characters, after masking
_MASKED = "***"


def masked_texts(feed: Feed) -> str:
    """JSON of what may be shown of a row's texts as they were read."""
    return _masked_row({column.name: _text(column) for column in feed.columns})


def masked_values(feed: Feed) -> str:
    """JSON of what may be shown of a row's values as raw would hold them."""
    return _masked_row({column.name: _value(column) for column in feed.columns})


def _masked_row(texts: Mapping[str, str]) -> str:
    """A JSON object of texts by name, in which no number can be read.

    One function goes over all of them: DuckDB takes a millisecond to plan it, and as long again for each copy.
    """
    names = ", ".join(map(literal, texts))
    shown = f"list_transform([{', '.join(texts.values())}], lambda text: {_shortened(mask_number_sql('text'))})"
    return f"to_json(map([{names}], {shown}))::varchar"


def _text(column: Column) -> str:
    text = identifier(text_name(column))
    if column.is_row_number:  # quarantine has it beside the row
        return "null"
    if column.pseudonym == "person":
        return f"if({text} is null, null, '{_MASKED}')"
    return mask_digits_sql(text) if column.pseudonym else text


def _value(column: Column) -> str:
    name = identifier(column.raw_name)
    if column.pseudonym:
        return f"if({name} is null, null, '{_MASKED}')"
    return text_sql(name, column.type)  # without the zeros of its type: 10000.0000 has the digits of a phone number


def masked_line(feed: Feed) -> str:
    """What may be shown of `line`, a line that is not a row: it may hold any column anywhere."""
    if any(column.pseudonym == "person" for column in feed.columns):
        return _shortened(r"regexp_replace(line, '[\p{L}\p{N}]', '#', 'g')")
    return _shortened(mask_digits_sql("line"))


def _shortened(text: str) -> str:
    return f"left({text}, {_LONGEST_SHOWN})"
